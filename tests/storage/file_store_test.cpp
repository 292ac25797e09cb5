#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "test_data.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

template <class Kind, class Call>
std::string text_of(Call call) {
  try {
    call();
  } catch (const Kind& error) {
    return error.what();
  }
  ADD_FAILURE() << "not thrown";
  return "";
}

TEST(FileStore, PutGetExistsRemove) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  const std::string key = "run/tiles/tile_000123.fits";
  EXPECT_FALSE(store->exists(key));
  store->put(key, std::string("a\0b", 3));
  EXPECT_TRUE(store->exists(key));
  EXPECT_EQ(store->get(key), std::string("a\0b", 3));
  store->put(key, "new");
  EXPECT_EQ(store->get(key), "new");
  store->put("empty", "");
  EXPECT_EQ(store->get("empty"), "");
  store->remove(key);
  store->remove(key);
  store->remove("never/was/there");
  EXPECT_FALSE(store->exists(key));
  EXPECT_FALSE(store->exists("run/tiles"));
  EXPECT_THAT(store->describe(), HasSubstr(dir.path().string()));
}

TEST(FileStore, MissingObjectMayStillAppear) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  EXPECT_THAT(text_of<TransientError>([&] { store->get("a/b"); }), HasSubstr((dir.path() / "a/b").string()));
  store->put("a/c", "x");
  EXPECT_THROW(store->get("a/b"), TransientError);
}

TEST(FileStore, MissingRootIsAMissingMount) {
  TempDir dir;
  const auto root = dir.path() / "mount";
  const auto store = open_file_store(root);
  EXPECT_THAT(text_of<TransientError>([&] { store->put("a", "x"); }), HasSubstr("mounted"));
  EXPECT_THROW(store->get("a"), TransientError);
  EXPECT_THROW(store->exists("a"), TransientError);
  EXPECT_FALSE(std::filesystem::exists(root));
  std::filesystem::create_directory(root);
  EXPECT_NO_THROW(store->put("a", "x"));
}

TEST(FileStore, OddKeysAreRefused) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  for (const std::string& key :
       {std::string(""), std::string("/a"), std::string("a//b"), std::string("a/"), std::string(".."),
        std::string("../a"), std::string("a/../b"), std::string("./a"), std::string("a\0b", 3),
        std::string(".tmp-x"), std::string("a/.tmp-x/b")}) {
    EXPECT_THROW(store->put(key, "x"), InputError) << key;
    EXPECT_THROW(store->get(key), InputError) << key;
    EXPECT_THROW(store->exists(key), InputError) << key;
    EXPECT_THROW(store->remove(key), InputError) << key;
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(FileStore, LinksBelowTheRootAreRefused) {
  TempDir dir, outside;
  std::ofstream(outside / "secret") << "secret";
  std::filesystem::create_symlink(outside.path(), dir / "folder");
  std::filesystem::create_symlink(outside / "secret", dir / "file");
  std::filesystem::create_symlink(outside / "nowhere", dir / "dangling");
  const auto store = open_file_store(dir.path());
  for (const char* key : {"folder/secret", "folder/new", "file", "dangling"}) {
    EXPECT_THAT(text_of<InputError>([&] { store->get(key); }), HasSubstr("symbolic link")) << key;
    EXPECT_THROW(store->put(key, "x"), InputError) << key;
    EXPECT_THROW(store->exists(key), InputError) << key;
  }
  EXPECT_THROW(store->remove("folder/secret"), InputError);
  EXPECT_FALSE(std::filesystem::exists(outside / "new"));
  EXPECT_FALSE(std::filesystem::exists(outside / "nowhere"));
  std::filesystem::create_symlink(dir.path(), outside / "root");  // the root itself may be one
  EXPECT_NO_THROW(open_file_store(outside / "root")->put("a", "x"));
}

TEST(FileStore, OtherThingsThanFilesAreRefused) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  ASSERT_EQ(mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(store->get("pipe"), InputError);
  store->put("a", "x");
  EXPECT_THROW(store->put("a/b", "x"), InputError);
  store->put("folder/b", "x");
  EXPECT_THROW(store->put("folder", "x"), InputError);
}

TEST(FileStore, ConcurrentPutsOfOneKeyGiveOneWholeObject) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  store->put("deep/er/key", std::string(50000, 'a'));
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      const std::string bytes = store->get("deep/er/key");
      if (bytes.size() != 50000 || bytes.find_first_not_of(bytes.front()) != std::string::npos) ++torn;
    }
  });
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&, t] {
      for (int i = 0; i < 15; ++i) store->put("deep/er/key", std::string(50000, static_cast<char>('a' + t)));
    });
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  std::size_t names = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "deep" / "er"))
    names += entry.exists();
  EXPECT_EQ(names, 1u) << "temporary files were left";
}

TEST(FileStore, ConcurrentPutsMakeTheSameFolders) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  std::vector<std::thread> writers;
  for (int t = 0; t < 8; ++t)
    writers.emplace_back([&, t] { store->put("a/b/c/d/" + std::to_string(t), "x"); });
  for (std::thread& writer : writers) writer.join();
  for (int t = 0; t < 8; ++t) EXPECT_TRUE(store->exists("a/b/c/d/" + std::to_string(t)));
}

TEST(FileStore, SweepsOldTemporaryFilesOnly) {
  TempDir dir;
  const auto store = open_file_store(dir.path());
  store->put("run/tile", "x");
  std::ofstream(dir.path() / "run" / ".tmp-old") << "half";
  std::ofstream(dir.path() / "run" / ".tmp-new") << "half";
  std::filesystem::create_directory(dir.path() / "run" / ".tmp-folder");
  std::filesystem::last_write_time(dir.path() / "run" / ".tmp-old",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_EQ(sweep_temporary_files(dir.path(), 3600), 1u);
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "run" / ".tmp-old"));
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "run" / ".tmp-new"));
  EXPECT_TRUE(store->exists("run/tile"));
  EXPECT_EQ(sweep_temporary_files(dir.path() / "no such folder", 0), 0u);
}

/// Writing to a full disk: only where a small file system may be mounted.
TEST(FileStore, FullDiskSaysWhereToFreeSpace) {
  TempDir dir;
  if (std::system(("mount -t tmpfs -o size=64k tmpfs " + dir.path().string() + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "may not mount a small file system";
  const auto store = open_file_store(dir.path());
  std::string text;
  try {
    store->put("big", std::string(1 << 20, 'x'));
  } catch (const TransientError& error) {
    text = error.what();
  }
  bool empty = true;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) empty = empty && !entry.exists();
  std::string small;
  try {
    store->put("small", "fits");
    small = store->get("small");
  } catch (const Error& error) {
    small = error.what();
  }
  EXPECT_EQ(std::system(("umount " + dir.path().string()).c_str()), 0);
  EXPECT_THAT(text, HasSubstr("free space on the file system of " + dir.path().string()));
  EXPECT_TRUE(empty) << "a temporary file was left on a full disk";
  EXPECT_EQ(small, "fits");
}

}  // namespace
}  // namespace tilecompile
