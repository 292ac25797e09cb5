#include "tilecompile/storage/memory_store.hpp"

#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(MemoryStore, HoldsWhatWasPut) {
  const auto store = open_memory_store();
  const std::string bytes("a\0b", 3);
  store->put("run/a.json", "old");
  store->put("run/a.json", bytes);
  EXPECT_TRUE(store->exists("run/a.json"));
  EXPECT_EQ(store->get("run/a.json"), bytes);
  store->remove("run/a.json");
  store->remove("run/a.json");
  EXPECT_FALSE(store->exists("run/a.json"));
  EXPECT_THROW(store->get("run/a.json"), TransientError);
}

TEST(MemoryStore, RefusesKeysThatAFileStoreWouldRefuse) {
  const auto store = open_memory_store();
  for (const char* key : {"/a", "../a", "a//b", ""}) EXPECT_THROW(store->put(key, "x"), InputError) << key;
}

}  // namespace
}  // namespace tilecompile
