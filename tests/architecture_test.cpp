#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "paths.hpp"

namespace {

namespace fs = std::filesystem;

const std::set<std::string> kPure = {"image", "frame", "tile", "coadd", "report"};

// Which folders of ours a folder may include, besides itself.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"base", {}},
    {"image", {"base"}},
    {"frame", {"image", "base"}},
    {"tile", {"frame", "image", "base"}},
    {"coadd", {"tile", "frame", "image", "base"}},
    {"report", {"coadd", "tile", "frame", "image", "base"}},
    {"detect", {"frame", "image", "base"}},
    {"fits", {"coadd", "tile", "frame", "image", "base"}},
    {"picture", {"image", "base"}},
    {"storage", {"base"}},
    {"broker", {"base"}},
    {"config", {"coadd", "tile", "frame", "base"}},
    {"run",
     {"base", "image", "frame", "tile", "coadd", "report", "detect", "fits", "picture", "storage", "broker",
      "config"}},
    {"cli", {"run", "config", "report", "base"}},
};

// Outside libraries by the start of the include, and the only folders that may use them.
const std::map<std::string, std::set<std::string>> kLibraryHomes = {
    {"fitsio", {"fits"}},        {"amqp", {"broker"}},
    {"rabbitmq-c/", {"broker"}}, {"yaml-cpp/", {"config"}},
    {"sep.h", {"detect"}},       {"CLI/", {"cli"}},
    {"spdlog/", {"base"}},       {"png.h", {"picture"}},
    {"zlib.h", {"fits"}},        {"openssl/", {"base", "broker"}},
    {"curl/", {"storage"}},      {"pugixml.hpp", {"storage"}},
};

const std::set<std::string> kNotInPure = {
    "thread", "mutex", "atomic",        "chrono",        "future",    "condition_variable",
    "random", "ctime", "unordered_map", "unordered_set", "execution", "iostream",
    "fstream"};
// observing_time needs calendar arithmetic, not a clock.
const std::set<std::string> kCalendarFiles = {"src/frame/observing_time.cpp"};

struct SourceFile {
  std::string path, folder;
  std::vector<std::string> lines;
};

std::vector<SourceFile> sources() {
  std::vector<SourceFile> files;
  const fs::path root = tilecompile::source_dir();
  for (const fs::path& top : {root / "src", root / "include" / "tilecompile"})
    for (const auto& item : fs::recursive_directory_iterator(top)) {
      if (!item.is_regular_file()) continue;
      SourceFile file{fs::relative(item.path(), root).generic_string(),
                      fs::relative(item.path(), top).begin()->string(),
                      {}};
      std::ifstream in(item.path());
      for (std::string line; std::getline(in, line);) file.lines.push_back(line);
      files.push_back(file);
    }
  return files;
}

std::vector<std::string> includes_of(const SourceFile& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> found;
  for (const std::string& line : file.lines) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) found.push_back(match[1]);
  }
  return found;
}

TEST(Architecture, EveryFolderIsKnownAndOneDeep) {
  for (const SourceFile& f : sources()) {
    EXPECT_EQ(kMayInclude.count(f.folder), 1u) << f.path;
    const auto depth = std::count(f.path.begin(), f.path.end(), '/');
    EXPECT_EQ(depth, f.path.starts_with("src/") ? 2 : 3) << f.path;
  }
}

TEST(Architecture, FoldersIncludeOnlyWhatTheirRowAllows) {
  int seen = 0;
  for (const SourceFile& f : sources())
    for (const std::string& include : includes_of(f)) {
      if (!include.starts_with("tilecompile/")) continue;
      const std::string folder = include.substr(12, include.find('/', 12) - 12);
      ++seen;
      EXPECT_TRUE(folder == f.folder || kMayInclude.at(f.folder).count(folder) == 1)
          << f.path << " includes " << include;
      EXPECT_TRUE(f.folder != "image" || folder == "image" || include == "tilecompile/base/error.hpp")
          << f.path << " includes " << include;
    }
  EXPECT_GT(seen, 100);
}

TEST(Architecture, OutsideLibrariesHaveOneHome) {
  for (const SourceFile& f : sources())
    for (const std::string& include : includes_of(f))
      for (const auto& [library, homes] : kLibraryHomes) {
        if (!include.starts_with(library)) continue;
        EXPECT_EQ(homes.count(f.folder), 1u) << f.path << " includes " << include;
      }
}

TEST(Architecture, ThePureSideHasNoThreadsClocksOrUnorderedContainers) {
  for (const SourceFile& f : sources()) {
    if (kPure.count(f.folder) == 0) continue;
    for (const std::string& include : includes_of(f)) {
      if (include == "chrono" && kCalendarFiles.count(f.path) == 1) continue;
      EXPECT_EQ(kNotInPure.count(include), 0u) << f.path << " includes " << include;
    }
  }
}

TEST(Architecture, NoLibraryTranscendentalsNearAPixel) {
  static const std::regex kForbidden(
      R"(std::(exp|exp2|log|log2|log10|sin|cos|tan|pow|tanh|hypot|cbrt|reduce|fma)\()");
  for (const SourceFile& f : sources()) {
    if (kPure.count(f.folder) == 0) continue;
    for (const std::string& line : f.lines)
      EXPECT_FALSE(std::regex_search(line, kForbidden)) << f.path << ": " << line;
  }
}

TEST(Architecture, FilesStayShort) {
  for (const SourceFile& f : sources()) EXPECT_LE(f.lines.size(), 400u) << f.path;
}

TEST(Architecture, NoFastMathOrNativeTuning) {
  std::ifstream in(fs::path(tilecompile::source_dir()) / "CMakeLists.txt");
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find("-ffp-contract=off"), std::string::npos);
  EXPECT_EQ(text.find("-ffast-math"), std::string::npos);
  EXPECT_EQ(text.find("-march=native"), std::string::npos);
}

}  // namespace
