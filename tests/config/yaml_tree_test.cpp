#include "tilecompile/config/yaml_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config_files.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(YamlTree, SyntaxErrorHasThePlace) {
  EXPECT_THAT(run_error("tile:\n  min_size: [1, 2\ndata: 3\n"), StartsWith("F:3:"));
  EXPECT_THAT(run_error("a: b: c\n"), StartsWith("F:1:5: YAML syntax: "));
  for (const char* open :
       {"output:\n  dir: 'open\n", "output:\n  dir: \"open", "output:\n  dir: 'open\n\n  "}) {
    EXPECT_THAT(run_error(open), HasSubstr("YAML syntax: ")) << open;
  }
  EXPECT_THAT(run_error("tile: {min_size: 64\n"), StartsWith("F:2:"));
  EXPECT_EQ(run_of("output:\n  dir: |-\n    a").output.dir, "a");
  EXPECT_THAT(run_error("- a\n- b\n"), StartsWith("F:1:1: the file must hold sections of keys"));
  EXPECT_THAT(run_error("just text\n"), StartsWith("F:1:1: the file must hold sections of keys"));
}

TEST(YamlTree, ATabIsCalledATab) {
  EXPECT_EQ(run_error("tile:\n\tmin_size: 64\n"),
            "F:2:1: a tab stands in front of the text; indent with blanks");
  EXPECT_EQ(run_error("tile:\n  \tmin_size: 64\n"),
            "F:2:3: a tab stands in front of the text; indent with blanks");
  EXPECT_EQ(run_error("tile:\n  min_size:\t64\t# px\n\t\n  \t\n\t# note\n  \t # note\n"), "");  // harmless
}

TEST(YamlTree, DuplicateKeysAreRefused) {
  EXPECT_EQ(run_error("tile:\n  min_size: 64\n  min_size: 96\n"),
            "F:3:3: duplicate key 'tile.min_size'; it stands first on line 2");
  EXPECT_EQ(run_error("tile: {}\ndata: {}\ntile: {}\n"),
            "F:3:1: duplicate key 'tile'; it stands first on line 1");
}

TEST(YamlTree, AnchorsAliasesAndTagsAreRefused) {
  const std::string text = "anchors and aliases (&name, *name) are refused; ";
  EXPECT_THAT(run_error("tile: &t\n  min_size: 64\n"), HasSubstr(text));
  EXPECT_THAT(run_error("tile: {min_size: &a 64}\n"), StartsWith("F:1:18: " + text));
  EXPECT_THAT(run_error("input:\n  pattern: *.fits\n"), StartsWith("F:2:12: "));
  EXPECT_THAT(run_error("input:\n  pattern: *x\n"), StartsWith("F:2:12: " + text));
  EXPECT_THAT(run_error("tile: {min_size: !!int 64}\n"), HasSubstr("tags (!name) are refused"));
  EXPECT_THAT(run_error("tile: !t {min_size: 64}\n"), HasSubstr("tags (!name) are refused"));
  std::string bomb = "a: &a [x, x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const char before = static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [*" + before + ", *" + before + "]\n";
  }
  EXPECT_THAT(run_error(bomb), StartsWith("F:1:4: " + text));
}

TEST(YamlTree, DeepNestingIsRefusedBeforeItCostsStack) {
  const std::string deep = "nested deeper than 32";
  const std::string open(250000, '['), close(250000, ']');
  EXPECT_THAT(run_error("tile: " + open + close + "\n"), HasSubstr(deep));
  EXPECT_NE(run_error("tile: {min_size: " + open + "}\n"), "");
  EXPECT_NE(run_error(open), "");
  std::string maps;
  for (int i = 0; i < 200000; ++i) maps += "{a: ";
  EXPECT_NE(run_error(maps), "");
  EXPECT_THAT(run_error(maps + "1" + std::string(200000, '}')), HasSubstr(deep));
  std::string dashes;
  for (int i = 0; i < 200000; ++i) dashes += "- ";
  EXPECT_THAT(run_error(dashes), HasSubstr(deep));
  std::string block;
  for (int i = 0; i < 500; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(run_error(block), HasSubstr(deep));
}

TEST(YamlTree, OddDocumentsAreRefused) {
  EXPECT_THAT(run_error("tile: {}\n---\ndata: {}\n"), HasSubstr("a second document begins here"));
  EXPECT_THAT(run_error("? [a, b]\n: 3\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(run_error("? {a: b}\n: 3\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(run_error("~: 3\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(run_error("<<: {tile: {}}\n"), HasSubstr("unknown key '<<'"));
  EXPECT_EQ(run_error("tile: {}\n \x04 data: 3\n"),
            "F:2:2: control character (code 4) is refused; save the file as plain UTF-8 text");
  EXPECT_THAT(run_error(std::string("tile: {}\n\0", 10)), HasSubstr("control character (code 0)"));
  EXPECT_THAT(run_error("output: {dir: \"a\xff\"}\n"), HasSubstr("not valid UTF-8"));
  EXPECT_THAT(run_error("output: {dir: \"a\\0b\"}\n"), HasSubstr("'output.dir' must be a path"));
  EXPECT_EQ(run_error("\xef\xbb\xbftile: {min_size: 64}\r\n"), "");
}

TEST(YamlTree, UnknownKeysByTheThousandAreReportedBounded) {
  std::string yaml;
  for (int i = 0; i < 50000; ++i) yaml += "key" + std::to_string(i) + ": 1\n";
  const std::string text = run_error(yaml);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 19);
  EXPECT_LT(run_error(std::string(100000, 'k') + ": 1\n").size(), 1000u);
}

TEST(YamlTree, EveryTruncationOfAFileIsReadOrRefused) {
  const std::string whole = "tile: {min_size: 64, overlap_fraction: 0.25}\ninput:\n  dir: \"a b\"\n  # c\n";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const YamlFile file(whole.substr(0, size));
    try {
      load_run_config(file.path(), {});
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), StartsWith(file.path() + ":")) << size;
    }
  }
}

TEST(YamlTree, ScalarsByTheCoreRules) {
  const auto value = [](const std::string& text) {
    return to_json(parse_yaml(text, [](int, int) { return "x"; }));
  };
  EXPECT_EQ(value("12").dump(), "12");
  EXPECT_EQ(value("-12").dump(), "-12");
  EXPECT_EQ(value("1.5e3").dump(), "1500.0");
  EXPECT_EQ(value("5.").dump(), "5.0");
  EXPECT_EQ(value("TRUE").dump(), "true");
  EXPECT_EQ(value("null").dump(), "null");
  for (const char* text : {"0x1F", "0o17", "1_000", "1e", ".", "1.2.3", "on", "12:30:45", "tRue"}) {
    EXPECT_EQ(value(text), nlohmann::json(text));
  }
  EXPECT_EQ(value("\"12\""), "12");
  EXPECT_EQ(value("'true'"), "true");
}

}  // namespace
}  // namespace tilecompile
