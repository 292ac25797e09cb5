#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "paths.hpp"
#include "source_files.hpp"
#include "untested_sources.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using Rooms = std::set<std::string>;

const Rooms kPure = {"image", "header", "frame", "align", "tile", "coadd", "report"};

// Which rooms a room may include and is linked against, besides itself (docs/design.md). CMakeLists.txt has
// the same rows.
const std::map<std::string, Rooms> kMayUse = {
    {"base", {}},
    {"image", {"base"}},
    {"header", {"image", "base"}},
    {"frame", {"header", "image", "base"}},
    {"align", {"frame", "header", "image", "base"}},
    {"tile", {"frame", "header", "image", "base"}},
    {"coadd", {"tile", "frame", "header", "image", "base"}},
    {"report", {"coadd", "tile", "frame", "header", "image", "base"}},
    {"detect", {"align", "frame", "header", "image", "base"}},
    {"camera", {"image", "base"}},
    {"fits", {"camera", "coadd", "tile", "frame", "header", "image", "base"}},
    {"picture", {"image", "base"}},
    {"storage", {"base"}},
    {"broker", {"base"}},
    {"config", {"coadd", "tile", "frame", "header", "image", "base"}},
    {"siril", {"camera", "fits", "config", "coadd", "tile", "frame", "header", "image", "base"}},
    {"products",
     {"camera", "fits", "picture", "report", "coadd", "tile", "align", "frame", "header", "image", "base"}},
    {"night",
     {"detect", "camera", "fits", "storage", "config", "coadd", "tile", "align", "frame", "header", "image",
      "base"}},
    {"passes",
     {"night", "detect", "camera", "fits", "storage", "config", "coadd", "tile", "align", "frame", "header",
      "image", "base"}},
    {"survey",
     {"passes", "night", "detect", "camera", "fits", "storage", "config", "coadd", "tile", "align", "frame",
      "header", "image", "base"}},
    {"protocol",
     {"broker", "camera", "fits", "storage", "config", "coadd", "tile", "frame", "header", "image", "base"}},
    {"worker",
     {"protocol", "survey", "passes", "night", "broker", "detect", "camera", "fits", "storage", "config",
      "coadd", "tile", "align", "frame", "header", "image", "base"}},
    {"dispatch",
     {"protocol", "survey", "passes", "night", "broker", "detect", "camera", "fits", "storage", "config",
      "coadd", "tile", "align", "frame", "header", "image", "base"}},
    {"master", {"dispatch", "protocol", "survey", "passes", "night",   "siril",  "products", "broker",
                "picture",  "detect",   "camera", "fits",   "storage", "config", "report",   "coadd",
                "tile",     "align",    "frame",  "header", "image",   "base"}},
    {"operate", {"master",   "dispatch", "worker",  "protocol", "survey", "passes", "night",   "siril",
                 "products", "broker",   "picture", "detect",   "camera", "fits",   "storage", "config",
                 "report",   "coadd",    "tile",    "align",    "frame",  "header", "image",   "base"}},
    {"review",
     {"worker",  "protocol", "survey", "passes", "night", "broker", "picture", "detect", "camera", "fits",
      "storage", "config",   "report", "coadd",  "tile",  "align",  "frame",   "header", "image",  "base"}},
    {"simulate", {"camera", "fits", "coadd", "tile", "frame", "header", "image", "base"}},
    {"launch",
     {"review", "operate",  "master", "dispatch", "worker", "protocol", "survey", "passes",  "night",
      "siril",  "products", "broker", "picture",  "detect", "camera",   "fits",   "storage", "config",
      "report", "coadd",    "tile",   "align",    "frame",  "header",   "image",  "base"}},
    {"cli", {"launch",   "simulate", "review", "operate", "master",  "dispatch", "worker",
             "protocol", "survey",   "passes", "night",   "siril",   "products", "broker",
             "picture",  "detect",   "camera", "fits",    "storage", "config",   "report",
             "coadd",    "tile",     "align",  "frame",   "header",  "image",    "base"}},
};

// Linked, because what they use is, but not to be included.
const std::map<std::string, Rooms> kOnlyLinked = {
    {"simulate", {"camera", "coadd", "tile", "frame", "header"}},
    {"cli", {"master",  "dispatch", "worker", "protocol", "survey", "passes", "night",
             "siril",   "products", "broker", "picture",  "detect", "fits",   "camera",
             "storage", "coadd",    "tile",   "align",    "frame",  "header", "image"}},
};

// What tests use besides: they make frames, or read real ones (tests/CMakeLists.txt).
const std::map<std::string, Rooms> kTestsAlsoUse = {
    {"frame", {"fits"}},      {"night", {"passes", "simulate"}}, {"passes", {"simulate"}},
    {"worker", {"simulate"}}, {"operate", {"simulate"}},         {"launch", {"simulate"}},
    {"survey", {"simulate"}},
};

// Outside libraries by the start of the include, and the only rooms that may use them.
const std::map<std::string, Rooms> kLibraryHomes = {
    {"fitsio", {"fits"}},        {"amqp", {"broker"}},
    {"rabbitmq-c/", {"broker"}}, {"yaml-cpp/", {"config"}},
    {"sep.h", {"detect"}},       {"CLI/", {"cli"}},
    {"spdlog/", {"base"}},       {"png.h", {"picture"}},
    {"jpeglib.h", {"picture"}},  {"tiffio.h", {"picture", "camera"}},
    {"zlib.h", {"fits"}},        {"openssl/", {"base", "broker"}},
    {"curl/", {"storage"}},      {"pugixml.hpp", {"storage"}},
    {"httplib.h", {"launch"}},   {"prometheus/", {"launch"}},
    {"libraw/", {"camera"}},
};

const std::set<std::string> kNotInPure = {
    "thread", "mutex", "atomic",        "chrono",        "future",    "condition_variable",
    "random", "ctime", "unordered_map", "unordered_set", "execution", "iostream",
    "fstream"};
// observing_time needs calendar arithmetic, not a clock.
const std::set<std::string> kCalendarFiles = {"src/header/observing_time.cpp"};

// Too dear for a header that others include: what they name is declared ahead, or comes from json_fwd.hpp.
const std::set<std::string> kNotInPublicHeaders = {"nlohmann/json.hpp", "regex", "iostream", "sstream"};

constexpr std::size_t kMostLinesOfAFile = 400, kMostLinesOfAFunction = 80, kMostLinesOfARoom = 3500;

// The room that an include names: of tilecompile/fits/x.hpp fits, of fits/x.hpp too, none for others.
std::string included_room(const std::string& include) {
  const std::string path = include.starts_with("tilecompile/") ? include.substr(12) : include;
  const std::string folder = path.substr(0, path.find('/'));
  return path.find('/') != std::string::npos && kMayUse.count(folder) == 1 ? folder : "";
}

bool may_include(const std::string& room, const std::string& other) {
  const auto linked = kOnlyLinked.find(room);
  return other == room || (kMayUse.at(room).count(other) == 1 &&
                           (linked == kOnlyLinked.end() || linked->second.count(other) == 0));
}

TEST(Architecture, EveryFolderIsARoomAndOneDeep) {
  for (const SourceFile& f : source_files({"src", "include"})) {
    EXPECT_EQ(kMayUse.count(f.room), 1u) << f.path;
    EXPECT_EQ(std::count(f.path.begin(), f.path.end(), '/'), f.path.starts_with("src/") ? 2 : 3) << f.path;
  }
}

TEST(Architecture, RoomsIncludeOnlyWhatTheirRowAllows) {
  int seen = 0;
  for (const SourceFile& f : source_files({"src", "include"}))
    for (const std::string& include : includes_of(f)) {
      const std::string other = included_room(include);
      if (other.empty()) continue;
      ++seen;
      EXPECT_TRUE(may_include(f.room, other)) << f.path << " includes " << include;
      EXPECT_TRUE(f.room != "image" || other == "image" || include == "tilecompile/base/error.hpp")
          << f.path << " includes " << include;
    }
  EXPECT_GT(seen, 100);
}

TEST(Architecture, TestsOfARoomSeeOnlyWhatTheRoomSees) {
  for (const SourceFile& f : source_files({"tests"})) {
    if (kMayUse.count(f.room) == 0) continue;
    for (const std::string& include : includes_of(f)) {
      const std::string other = included_room(include);
      const auto more = kTestsAlsoUse.find(f.room);
      const bool extra = more != kTestsAlsoUse.end() && more->second.count(other) == 1;
      EXPECT_TRUE(other.empty() || extra || other == f.room || kMayUse.at(f.room).count(other) == 1)
          << f.path << " includes " << include;
    }
  }
}

TEST(Architecture, RowsAreClosed) {
  for (const auto& [room, others] : kMayUse)
    for (const std::string& other : others)
      for (const std::string& further : kMayUse.at(other))
        EXPECT_EQ(others.count(further), 1u) << room << " may use " << other << ", which may use " << further;
}

TEST(Architecture, CMakeLinksTheRowsOfTheTable) {
  std::ifstream in(fs::path(source_dir()) / "CMakeLists.txt");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  static const std::regex kRow(R"(\ntilecompile_room\((\w+)([^)]*)\))");
  std::map<std::string, Rooms> rows;
  for (std::sregex_iterator i(text.begin(), text.end(), kRow); i != std::sregex_iterator(); ++i) {
    std::istringstream words((*i)[2]);
    bool may_use = false;
    Rooms& row = rows[(*i)[1]];
    for (std::string word; words >> word;) {
      if (word == "MAY_USE" || word == "LIBRARIES")
        may_use = word == "MAY_USE";
      else if (may_use)
        row.insert(word);
    }
  }
  EXPECT_EQ(rows, kMayUse);
}

// A header may also be public because a public header includes it.
TEST(Architecture, AHeaderThatOnlyItsOwnRoomUsesLiesBesideItsSource) {
  std::map<std::string, Rooms> users;
  for (const SourceFile& f : source_files({"src", "include", "tests"}))
    for (const std::string& include : includes_of(f))
      users[include].insert(f.path.starts_with("include/") ? "a public header" : f.room);
  for (const SourceFile& f : source_files({"include"})) {
    Rooms others = users[f.path.substr(std::string("include/").size())];
    others.erase(f.room);
    EXPECT_FALSE(others.empty()) << f.path;
  }
}

// Two types of one name are one to the linker: it takes the functions of either for both.
TEST(Architecture, ATypeHasANameOfItsOwn) {
  static const std::regex kType(R"((struct|class|enum class) (\w+)( final)?( : .*)? \{.*)");
  std::map<std::string, std::set<std::string>> homes;
  for (const SourceFile& f : source_files({"src", "include"})) {
    int unnamed = 0;  // types in unnamed namespaces are nobody else's
    for (const std::string& line : f.lines) {
      std::smatch type;
      if (line == "namespace {") ++unnamed;
      if (line == "}  // namespace" && unnamed > 0) --unnamed;
      if (unnamed == 0 && std::regex_match(line, type, kType)) homes[type[2]].insert(f.path);
    }
  }
  EXPECT_GT(homes.size(), 300u);
  for (const auto& [name, files] : homes)
    EXPECT_EQ(files.size(), 1u) << name << ": " << *files.begin() << ", " << *files.rbegin();
}

TEST(Architecture, OutsideLibrariesHaveOneHome) {
  for (const SourceFile& f : source_files({"src", "include"}))
    for (const std::string& include : includes_of(f))
      for (const auto& [library, homes] : kLibraryHomes) {
        if (include.starts_with(library)) {
          EXPECT_EQ(homes.count(f.room), 1u) << f.path << " includes " << include;
        }
      }
}

TEST(Architecture, PublicHeadersStayLight) {
  for (const SourceFile& f : source_files({"include"}))
    for (const std::string& include : includes_of(f))
      EXPECT_EQ(kNotInPublicHeaders.count(include), 0u) << f.path << " includes " << include;
}

TEST(Architecture, ThePureSideHasNoThreadsClocksOrUnorderedContainers) {
  for (const SourceFile& f : source_files({"src", "include"})) {
    if (kPure.count(f.room) == 0) continue;
    for (const std::string& include : includes_of(f)) {
      if (include == "chrono" && kCalendarFiles.count(f.path) == 1) continue;
      EXPECT_EQ(kNotInPure.count(include), 0u) << f.path << " includes " << include;
    }
  }
}

TEST(Architecture, NoLibraryTranscendentalsNearAPixel) {
  static const std::regex kForbidden(
      R"(std::(exp|exp2|log|log2|log10|sin|cos|tan|pow|tanh|hypot|cbrt|reduce|fma)\()");
  for (const SourceFile& f : source_files({"src", "include"})) {
    if (kPure.count(f.room) == 0) continue;
    for (const std::string& line : f.lines)
      EXPECT_FALSE(std::regex_search(line, kForbidden)) << f.path << ": " << line;
  }
}

TEST(Architecture, FilesAndRoomsStayShort) {
  std::map<std::string, std::size_t> of_room;
  for (const SourceFile& f : source_files({"src", "include"})) {
    EXPECT_LE(f.lines.size(), kMostLinesOfAFile) << f.path;
    of_room[f.room] += f.lines.size();
  }
  for (const auto& [room, lines] : of_room) EXPECT_LE(lines, kMostLinesOfARoom) << room;
}

TEST(Architecture, FunctionsStayShort) {
  std::size_t functions = 0;
  for (const SourceFile& f : source_files({"src", "include"}))
    for (const FunctionLines& function : functions_of(f)) {
      ++functions;
      EXPECT_LE(function.lines, kMostLinesOfAFunction)
          << f.path << ":" << function.begin + 1 << ": " << function.first_line;
    }
  EXPECT_GT(functions, 500u);
}

TEST(Architecture, EverySourceHasATestOfItsNameOrAReason) {
  std::set<std::string> excused;
  for (const UntestedSources& group : untested_sources()) {
    EXPECT_TRUE(fs::exists(fs::path(source_dir()) / group.covered_by)) << group.covered_by;
    excused.insert(group.sources.begin(), group.sources.end());
  }
  for (const SourceFile& f : source_files({"src"})) {
    if (!f.path.ends_with(".cpp")) continue;
    const std::string name = f.path.substr(4, f.path.size() - 8);  // fits/gunzip
    const bool tested = fs::exists(fs::path(source_dir()) / "tests" / (name + "_test.cpp"));
    EXPECT_NE(tested, excused.count(name) == 1) << f.path;
    excused.erase(name);
  }
  EXPECT_TRUE(excused.empty()) << *excused.begin() << " does not exist";
}

TEST(Architecture, NoFastMathOrNativeTuning) {
  std::ifstream in(fs::path(source_dir()) / "CMakeLists.txt");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("-ffp-contract=off"), std::string::npos);
  EXPECT_EQ(text.find("-ffast-math"), std::string::npos);
  EXPECT_EQ(text.find("-march=native"), std::string::npos);
}

}  // namespace
}  // namespace tilecompile
