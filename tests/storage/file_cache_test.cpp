#include "tilecompile/storage/file_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Fetches `bytes` and counts how often.
class Origin {
 public:
  explicit Origin(std::string bytes) : bytes_(std::move(bytes)) {}
  FileCache::Fetch fetch() {
    return [this](const fs::path& file) {
      ++fetched;
      std::ofstream(file, std::ios::binary) << bytes_;
    };
  }
  std::string sha256() const { return sha256_hex(bytes_); }
  const std::string& bytes() const { return bytes_; }
  CachedFile from(FileCache& cache) { return cache.get(sha256(), "frame f", fetch()); }
  std::atomic<int> fetched{0};

 private:
  std::string bytes_;
};

std::size_t incoming_files(const fs::path& dir) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir / "incoming"), {}));
}

TEST(FileCache, FetchesOnceAndKeeps) {
  TempDir dir;
  Origin origin("frame bytes");
  {
    FileCache cache(dir / "cache", 0);
    EXPECT_EQ(content(origin.from(cache).path()), origin.bytes());
    EXPECT_EQ(content(origin.from(cache).path()), origin.bytes());
    EXPECT_EQ(origin.from(cache).sha256(), origin.sha256());
  }
  FileCache later(dir / "cache", 0);
  EXPECT_EQ(content(origin.from(later).path()), origin.bytes());
  EXPECT_EQ(origin.fetched, 1);
  EXPECT_EQ(incoming_files(dir / "cache"), 0u);
}

TEST(FileCache, ContentOfAnotherSumIsRefusedAndNotKept) {
  TempDir dir;
  FileCache cache(dir.path(), 0);
  Origin other("other bytes");
  try {
    cache.get(sha256_hex("wanted"), "frame night/a.fits", other.fetch());
    FAIL() << "nothing was thrown";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(),
                testing::AllOf(testing::HasSubstr("night/a.fits"), testing::HasSubstr(other.sha256()),
                               testing::HasSubstr(sha256_hex("wanted"))));
  }
  EXPECT_EQ(incoming_files(dir.path()), 0u);
  EXPECT_FALSE(fs::exists(dir.path() / other.sha256().substr(0, 2)));
  EXPECT_THROW(cache.get("../../etc", "frame f", other.fetch()), InputError);
}

TEST(FileCache, AFetchThatFailsLeavesNothing) {
  TempDir dir;
  FileCache cache(dir.path(), 0);
  Origin origin("bytes");
  EXPECT_THROW(cache.get(origin.sha256(), "frame f",
                         [](const fs::path& file) {
                           std::ofstream(file) << "by";
                           throw TransientError("cut");
                         }),
               TransientError);
  EXPECT_EQ(incoming_files(dir.path()), 0u);
  EXPECT_EQ(content(origin.from(cache).path()), "bytes");
}

TEST(FileCache, ATornOrChangedFileIsNeverUsed) {
  TempDir dir;
  Origin origin(std::string(5000, 'a') + "end");
  fs::path path;
  {
    FileCache cache(dir.path(), 0);
    path = origin.from(cache).path();
  }
  const std::vector<std::string> damages = {"", std::string(4999, 'a'), std::string(5003, 'a'),
                                            origin.bytes() + "more"};
  for (std::size_t i = 0; i < damages.size(); ++i) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damages[i];
    FileCache cache(dir.path(), 0);  // another process
    EXPECT_EQ(content(origin.from(cache).path()), origin.bytes()) << i;
    EXPECT_EQ(origin.fetched, static_cast<int>(i) + 2);
  }
  FileCache cache(dir.path(), 0);
  origin.from(cache);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << "changed while the process runs";
  EXPECT_EQ(content(origin.from(cache).path()), origin.bytes());
}

TEST(FileCache, TheLongestUnusedGoFirstAndTheUsedStay) {
  TempDir dir;
  FileCache cache(dir.path(), 3500);
  Origin a(std::string(1000, 'a')), b(std::string(1000, 'b')), c(std::string(1000, 'c')),
      d(std::string(1000, 'd')), e(std::string(1000, 'e'));
  for (Origin* one : {&a, &b, &c}) one->from(cache);
  a.from(cache);  // b is now the one used longest ago
  d.from(cache);
  EXPECT_EQ(a.fetched + b.fetched + c.fetched + d.fetched, 4);
  for (Origin* one : {&a, &c, &d}) one->from(cache);
  EXPECT_EQ(a.fetched + c.fetched + d.fetched, 3) << "one that was used later went";
  const CachedFile held = a.from(cache);  // used again first, so that it is the oldest below
  c.from(cache);
  d.from(cache);
  e.from(cache);  // a is the oldest but in use, so c goes
  EXPECT_EQ(content(held.path()), a.bytes());
  a.from(cache);
  d.from(cache);
  EXPECT_EQ(a.fetched, 1);
  EXPECT_EQ(d.fetched, 1);
  c.from(cache);
  EXPECT_EQ(c.fetched, 2);
}

TEST(FileCache, AFileLargerThanTheLimitIsStillServed) {
  TempDir dir;
  FileCache cache(dir.path(), 100);
  Origin large(std::string(5000, 'x')), other(std::string(50, 'y'));
  EXPECT_EQ(content(large.from(cache).path()), large.bytes());
  EXPECT_EQ(content(other.from(cache).path()), other.bytes());
  EXPECT_EQ(content(large.from(cache).path()), large.bytes());
}

TEST(FileCache, OtherFilesOfTheFolderAreLeftAlone) {
  TempDir dir;
  fs::create_directories(dir / "ab");
  std::ofstream(dir / "ab/notes.txt") << std::string(5000, 'n');
  std::ofstream(dir / "mine.txt") << std::string(5000, 'n');
  FileCache cache(dir.path(), 100);
  Origin one(std::string(90, '1')), two(std::string(90, '2'));
  one.from(cache);
  two.from(cache);
  EXPECT_TRUE(fs::exists(dir / "ab/notes.txt"));
  EXPECT_TRUE(fs::exists(dir / "mine.txt"));
}

TEST(FileCache, NamesLeadToContentUntilItIsGone) {
  TempDir dir;
  FileCache cache(dir.path(), 1500);
  Origin origin(std::string(1000, 'o')), other(std::string(1000, 'p'));
  EXPECT_FALSE(cache.named("bucket/a.fits \"etag1\""));
  cache.give_name("bucket/a.fits \"etag1\"", cache.add(origin.fetch()));
  EXPECT_EQ(cache.named("bucket/a.fits \"etag1\"").sha256(), origin.sha256());
  EXPECT_FALSE(cache.named("bucket/a.fits \"etag2\""));
  other.from(cache);
  EXPECT_FALSE(cache.named("bucket/a.fits \"etag1\""));
  EXPECT_TRUE(fs::is_empty(dir / "names"));
}

TEST(FileCache, ThreadsFetchOneFileOnce) {
  TempDir dir;
  FileCache cache(dir.path(), 0);
  Origin origin(std::string(200000, 't'));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      if (content(origin.from(cache).path()) != origin.bytes()) ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(origin.fetched, 1);
}

/// Processes that throw out each other's files all the time still read only whole files.
TEST(FileCache, ProcessesShareASmallCache) {
  TempDir dir;
  std::vector<std::string> frames;
  for (int i = 0; i < 12; ++i) frames.emplace_back(20000 + i, static_cast<char>('a' + i));
  std::vector<pid_t> children;
  for (int p = 0; p < 4; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      int wrong = 0;
      try {
        FileCache cache(dir.path(), 90000);
        for (std::size_t i = 0; i < 60; ++i) {
          const std::string& bytes = frames[(i * 7 + static_cast<std::size_t>(p) * 5) % frames.size()];
          const CachedFile file = cache.get(sha256_hex(bytes), "frame f", [&](const fs::path& path) {
            std::ofstream(path, std::ios::binary) << bytes;
          });
          if (content(file.path()) != bytes) ++wrong;
        }
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        wrong = 99;
      }
      _exit(wrong);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::uintmax_t bytes = 0;
  for (const auto& item : fs::recursive_directory_iterator(dir.path()))
    if (item.is_regular_file() && item.path().filename().string().size() == 64) bytes += item.file_size();
  EXPECT_LE(bytes, 90000u + 4 * 20012u);
  EXPECT_EQ(incoming_files(dir.path()), 0u);
}

TEST(FileCache, AFolderThatCannotBeMadeIsATransientErrorThatNamesIt) {
  TempDir dir;
  std::ofstream(dir / "file") << "x";
  try {
    FileCache cache(dir / "file", 0);
    FAIL() << "nothing was thrown";
  } catch (const TransientError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr((dir / "file").string()));
  }
}

}  // namespace
}  // namespace tilecompile
