#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include "s3_server.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

struct StoreKind {
  const char* name;
  bool needs_s3;
  std::function<std::unique_ptr<ObjectStore>(const TempDir&)> open;
};

// Each case has a prefix of its own in the one bucket.
std::unique_ptr<ObjectStore> open_in_bucket(S3Options options) {
  static int prefixes = 0;
  return open_s3_store(std::make_shared<S3Bucket>(options), "case/" + std::to_string(++prefixes));
}

const StoreKind kStores[] = {
    {"Memory", false, [](const TempDir&) { return open_memory_store(); }},
    {"File", false, [](const TempDir& dir) { return open_file_store(dir.path()); }},
    {"S3PathStyle", true, [](const TempDir&) { return open_in_bucket(S3Server::get().options()); }},
    {"S3HostStyle", true,
     [](const TempDir&) {
       S3Options options = S3Server::get().options();
       options.endpoint = "http://localhost:" + std::to_string(S3Server::get().port());
       options.path_style = false;
       return open_in_bucket(options);
     }},
    {"S3OverTls", true,
     [](const TempDir&) {
       S3Options options = S3Server::get().options();
       options.endpoint = S3Server::get().https();
       options.ca_file = S3Server::get().ca_file();
       return open_in_bucket(options);
     }},
};

/// What every store has to do alike.
class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    if (GetParam().needs_s3) TILECOMPILE_NEEDS_S3;
    store_ = GetParam().open(dir_);
  }
  TempDir dir_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_P(StoreContract, WhatWasPutIsThereUntilItIsRemoved) {
  const std::string key = "run/tiles/tile_000123.fits", bytes("a\0b\r\n\xff", 6);
  EXPECT_FALSE(store_->exists(key));
  store_->put(key, bytes);
  EXPECT_TRUE(store_->exists(key));
  EXPECT_EQ(store_->get(key), bytes);
  store_->put(key, bytes);
  EXPECT_EQ(store_->get(key), bytes);
  store_->remove(key);
  store_->remove(key);
  EXPECT_FALSE(store_->exists(key));
}

TEST_P(StoreContract, AFolderIsListedWithSizesAndNothingElse) {
  EXPECT_THAT(store_->list("run"), testing::IsEmpty());
  for (const char* key : {"run/tiles/b", "run/a", "run2/c", "ru", "run.d"}) store_->put(key, "12345");
  const auto found = store_->list("run");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].key, "run/a");
  EXPECT_EQ(found[1].key, "run/tiles/b");
  EXPECT_EQ(found[1].size_bytes, 5u);
  for (const auto& object : found) store_->remove(object.key);
  EXPECT_THAT(store_->list("run"), testing::IsEmpty());
  EXPECT_TRUE(store_->exists("run2/c"));
  EXPECT_THROW(store_->list("../run"), InputError);
}

TEST_P(StoreContract, EmptyAndLargeObjectsComeBackWhole) {
  store_->put("empty", "");
  EXPECT_EQ(store_->get("empty"), "");
  EXPECT_TRUE(store_->exists("empty"));
  std::string large(5 << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761u >> 13);
  store_->put("large", large);
  EXPECT_TRUE(store_->get("large") == large);
}

TEST_P(StoreContract, KeysWithOddLettersAreTakenAsTheyAre) {
  for (const char* key : {"a b+c=d&e%20.fits", "M 31/l\xc3\xa4nge~(1)'!.fit", "x;y:z@$,#?[]"}) {
    store_->put(key, key);
    EXPECT_EQ(store_->get(key), key);
  }
  EXPECT_FALSE(store_->exists("a b+c=d&e .fits"));
}

TEST_P(StoreContract, AMissingObjectMayStillAppear) {
  try {
    store_->get("run/missing");
    FAIL() << "nothing was thrown";
  } catch (const TransientError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("run/missing"));
  }
}

TEST_P(StoreContract, KeysThatLeaveTheStoreAreRefused) {
  for (const char* key : {"/a", "../a", "a//b", "", "a/./b"})
    EXPECT_THROW(store_->put(key, "x"), InputError) << key;
}

TEST_P(StoreContract, NamesThatNoStoreTakesAreWrongAndNotForNow) {
  const std::string name(255, 'n');
  store_->put("run/" + name, "x");
  EXPECT_EQ(store_->get("run/" + name), "x");
  std::string deep = "run";
  while (deep.size() < 1024) deep += "/folder";
  for (const std::string& key : {"run/" + name + "n", "run/" + name + "n/tile", deep}) {
    EXPECT_THROW(store_->put(key, "x"), InputError) << key;
    EXPECT_THROW(store_->get(key), InputError) << key;
    EXPECT_THROW(store_->exists(key), InputError) << key;
  }
}

TEST_P(StoreContract, ThreadsDoNotDisturbEachOther) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        const std::string key = "t/" + std::to_string(t * 10 + i),
                          bytes(1000 + t * 10 + i, static_cast<char>('a' + t));
        store_->put(key, bytes);
        if (store_->get(key) != bytes) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(StoreContract, AProbeSucceedsAndCanBeRepeated) {
  EXPECT_NO_THROW(probe_store(*store_));
  EXPECT_NO_THROW(probe_store(*store_));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::ValuesIn(kStores),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace tilecompile
