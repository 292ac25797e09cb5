#include "tilecompile/base/uuid.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tilecompile {
namespace {

TEST(Uuid, NewOnesAreRandomVersion4) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = new_uuid();
    EXPECT_TRUE(is_uuid(id)) << id;
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
    seen.insert(id);
  }
  EXPECT_EQ(seen.size(), 200u);
}

TEST(Uuid, RefusesEverythingElse) {
  const std::string good = "0a1b2c3d-4e5f-4071-8293-a4b5c6d7e8f9";
  ASSERT_TRUE(is_uuid(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'g', 'A', '/', '.', '\0', ' '}) {
      std::string bad = good;
      bad[i] = c;
      EXPECT_FALSE(is_uuid(bad)) << bad;
    }
    std::string moved = good;
    moved[i] = good[i] == '-' ? '0' : '-';
    EXPECT_FALSE(is_uuid(moved)) << moved;
    EXPECT_FALSE(is_uuid(good.substr(0, i)));
  }
  EXPECT_FALSE(is_uuid(good + "0"));
  EXPECT_FALSE(is_uuid("{" + good + "}"));
}

}  // namespace
}  // namespace tilecompile
