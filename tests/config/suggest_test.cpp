#include "config/suggest.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "config/key_table.hpp"

namespace tilecompile {
namespace {

TEST(Suggest, EveryKeyIsFoundAgainWithALetterMissing) {
  for (const Key& key : key_table()) {
    const ConfigRole role = key.for_run ? ConfigRole::kRun : ConfigRole::kWorker;
    std::string slip = key.path;
    slip.erase(slip.size() - 2, 1);
    EXPECT_EQ(nearest_key(slip, role), key.path) << slip;
  }
}

TEST(Suggest, NothingForNamesFarFromAny) {
  for (const char* name : {"", "x", "foo", "completely_unrelated", "tile.nothing_like_it"}) {
    EXPECT_EQ(nearest_key(name, ConfigRole::kRun), "") << name;
  }
}

TEST(KeyTable, PathsAreUniqueDocumentedAndNoSectionIsAKey) {
  std::set<std::string> paths, variables;
  for (const Key& key : key_table()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_TRUE(variables.insert(environment_name(key.path)).second) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_TRUE(key.for_run || key.for_worker) << key.path;
    nlohmann::json value = key.read(Settings());
    const nlohmann::json before = value;
    EXPECT_FALSE(check_value(key, value).has_value()) << "the default of " << key.path;
    EXPECT_EQ(value.dump(), before.dump()) << key.path;
  }
  for (const std::string& section : section_paths(ConfigRole::kRun)) {
    EXPECT_EQ(paths.count(section), 0u) << section;
    EXPECT_FALSE(section_doc(section).empty()) << section;
  }
}

}  // namespace
}  // namespace tilecompile
