#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "paths.hpp"

namespace {

namespace fs = std::filesystem;

// Shorter pieces only join what a caller or a helper says, and are listed where that is said.
constexpr std::size_t kTelling = 12;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Literals that stand side by side are one.
std::string joined(const std::string& source) {
  static const std::regex seam("\"\\s*\\n?\\s*\"");
  return std::regex_replace(source, seam, "");
}

/// The first column of every table of docs/errors.md.
std::vector<std::string> listed() {
  std::vector<std::string> phrases;
  std::ifstream in(fs::path(tilecompile::source_dir()) / "docs/errors.md");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("| `", 0) != 0) continue;
    phrases.push_back(line.substr(3, line.find("` |") - 3));
  }
  return phrases;
}

struct Source {
  std::string path, text;  ///< text with joined literals
};

std::vector<Source> sources() {
  std::vector<Source> all;
  for (const auto& item : fs::recursive_directory_iterator(fs::path(tilecompile::source_dir()) / "src"))
    if (item.is_regular_file()) all.push_back({item.path().string(), joined(text_of(item.path()))});
  return all;
}

// From `begin` to the semicolon that ends the statement.
std::string statement(const std::string& text, std::size_t begin) {
  bool quoted = false;
  std::size_t end = begin;
  for (; end < text.size(); ++end) {
    if (quoted && text[end] == '\\')
      ++end;
    else if (text[end] == '"')
      quoted = !quoted;
    else if (!quoted && text[end] == ';')
      break;
  }
  return text.substr(begin, end - begin);
}

std::vector<std::string> literals(const std::string& text) {
  static const std::regex literal("\"((?:[^\"\\\\]|\\\\.)*)\"");
  std::vector<std::string> found;
  for (std::sregex_iterator m(text.begin(), text.end(), literal), end; m != end; ++m)
    found.push_back((*m)[1].str());
  return found;
}

TEST(ErrorTexts, EveryOneThatIsThrownIsListedWithItsCure) {
  const std::vector<std::string> phrases = listed();
  ASSERT_GT(phrases.size(), 100u);
  static const std::regex site("throw (UsageError|InputError|TransientError)\\(|\\brefuse_frame\\(path,");
  int sites = 0;
  for (const Source& source : sources())
    for (std::sregex_iterator m(source.text.begin(), source.text.end(), site), end; m != end; ++m) {
      const auto words = literals(statement(source.text, static_cast<std::size_t>(m->position())));
      const auto telling = [](const std::string& w) { return w.size() >= kTelling; };
      if (std::none_of(words.begin(), words.end(), telling)) continue;
      ++sites;
      const bool known = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
        return std::any_of(phrases.begin(), phrases.end(),
                           [&](const auto& p) { return word.find(p) != std::string::npos; });
      });
      EXPECT_TRUE(known) << source.path << " throws a text that docs/errors.md does not list:\n  "
                         << testing::PrintToString(words)
                         << "\nadd a row: | `words of it` | what the user can do |";
    }
  EXPECT_GT(sites, 100);
}

TEST(ErrorTexts, EveryListedOneIsStillThere) {
  std::string all;
  for (const Source& source : sources()) all += source.text;
  for (const std::string& phrase : listed())
    EXPECT_NE(all.find(phrase), std::string::npos)
        << "docs/errors.md lists `" << phrase
        << "`, which no source holds any more: correct or remove the row";
}

TEST(ErrorTexts, NoneIsListedTwiceAndEachHasACure) {
  std::vector<std::string> phrases = listed();
  std::sort(phrases.begin(), phrases.end());
  const auto twice = std::adjacent_find(phrases.begin(), phrases.end());
  EXPECT_TRUE(twice == phrases.end()) << *twice;
  const std::string text = text_of(fs::path(tilecompile::source_dir()) / "docs/errors.md");
  EXPECT_EQ(text.find("| |"), std::string::npos);
}

}  // namespace
