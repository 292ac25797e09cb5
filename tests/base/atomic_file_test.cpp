#include "tilecompile/base/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::size_t names_in(const std::filesystem::path& folder) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) n += entry.exists() ? 1 : 0;
  return n;
}

TEST(AtomicFile, ReplacesAndLeavesNothingElse) {
  TempDir dir;
  write_file_atomically(dir / "a", "one");
  write_file_atomically(dir / "a", std::string("tw\0o", 4));
  EXPECT_EQ(content(dir / "a"), std::string("tw\0o", 4));
  EXPECT_EQ(names_in(dir.path()), 1u);
  write_file_atomically(dir / std::string(255, 'n'), "long name");
  EXPECT_EQ(names_in(dir.path()), 2u);
}

TEST(AtomicFile, ASecondNameIsTheSameFileAndReplacesWhatWasThere) {
  TempDir dir;
  write_file_atomically(dir / "a", "one");
  write_file_atomically(dir / "b", "old");
  for (int turn = 0; turn < 2; ++turn) {
    link_or_copy(dir / "a", dir / "b");
    EXPECT_TRUE(std::filesystem::equivalent(dir / "a", dir / "b"));
    EXPECT_EQ(names_in(dir.path()), 2u);
  }
  link_or_copy(dir / "a", dir / "a");
  EXPECT_EQ(content(dir / "a"), "one");
  EXPECT_THROW(link_or_copy(dir / "a", dir / "nowhere" / "c"), TransientError);
}

TEST(AtomicFile, PiecesAppearTogetherOrNotAtAll) {
  TempDir dir;
  write_file_atomically(dir / "a", "old");
  {
    AtomicFile file(dir / "a");
    file.write_at(4, "pieces");
    file.write_at(0, "two ");
    std::string back(6, ' ');
    file.read_at(4, back.data(), back.size());
    EXPECT_EQ(back, "pieces");
    EXPECT_THROW(file.read_at(9, back.data(), back.size()), TransientError);
    EXPECT_EQ(content(dir / "a"), "old");
    file.keep();
  }
  EXPECT_EQ(content(dir / "a"), "two pieces");
  { AtomicFile(dir / "a").write_at(0, "given up"); }
  EXPECT_EQ(content(dir / "a"), "two pieces");
  EXPECT_EQ(names_in(dir.path()), 1u);
  EXPECT_THROW(AtomicFile(dir.path() / "no" / "a"), TransientError);
}

TEST(AtomicFile, MissingFolderIsTransientAndNamed) {
  TempDir dir;
  try {
    write_file_atomically(dir.path() / "no" / "a", "x");
    FAIL();
  } catch (const TransientError& error) {
    EXPECT_NE(std::string(error.what()).find((dir.path() / "no").string()), std::string::npos)
        << error.what();
  }
}

TEST(AtomicFile, RefusedWriteKeepsTheOldFile) {
  TempDir dir;
  write_file_atomically(dir / "a", "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::string text;
  try {
    write_file_atomically(dir / "a", std::string(100000, 'x'));
  } catch (const TransientError& error) {
    text = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_NE(text.find("ulimit -f"), std::string::npos) << text;
  EXPECT_EQ(content(dir / "a"), "old");
  EXPECT_EQ(names_in(dir.path()), 1u);
}

TEST(AtomicFile, TextsSayWhatToDo) {
  EXPECT_NE(
      file_error_text("writing", "/data/out/a", ENOSPC).find("free space on the file system of /data/out"),
      std::string::npos);
  EXPECT_NE(file_error_text("writing", "/data/out/a", EROFS).find("read-only"), std::string::npos);
  EXPECT_NE(file_error_text("writing", "/data/out/a", EACCES).find("access"), std::string::npos);
  EXPECT_NE(file_error_text("writing", "/data/out/a", ENOENT).find("mounted"), std::string::npos);
}

}  // namespace
}  // namespace tilecompile
