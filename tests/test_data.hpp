#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "paths.hpp"

namespace tilecompile {

/// Folder of the real frames: TILECOMPILE_TEST_DATA, else ../shared/data beside the project.
inline std::filesystem::path test_data() {
  const char* given = std::getenv("TILECOMPILE_TEST_DATA");
  return given != nullptr && *given != '\0' ? given : default_test_data().c_str();
}

/// A folder that is removed with the object.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tilecompile-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace tilecompile

/// Skips a test without the real frames; in CI they must be there, so it fails.
#define TILECOMPILE_NEEDS_DATA(folder)                                                            \
  if (!std::filesystem::exists(tilecompile::test_data() / (folder))) {                            \
    if (std::getenv("CI") != nullptr) FAIL() << "no real frames at " << tilecompile::test_data(); \
    GTEST_SKIP() << "no real frames at " << tilecompile::test_data();                             \
  }
