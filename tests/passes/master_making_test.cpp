#include "tilecompile/passes/master_making.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(MasterMaking, APlaceIsSeenFromTheLightsAndStaysBesideThem) {
  EXPECT_EQ(place_beside("/data/night/lights", "/data/night/darks"), "../darks");
  EXPECT_EQ(place_beside("/data/night/lights/", "/data/night/darks/"), "../darks/");
  EXPECT_EQ(place_beside("/data/night", "/data/night/darks/120s"), "darks/120s");
  EXPECT_EQ(place_beside("/data/night/lights", "/data/night/lights"), ".");
  EXPECT_EQ(place_beside("/data/night/lights", "/data/night/old/../biases"), "../biases");
  EXPECT_EQ(place_beside("/data/night/lights", "/library/darks"), "");
  EXPECT_EQ(place_beside("", "/library/darks"), "");
}

TEST(MasterMaking, APlaceThatLeavesTheFolderOfTheLightsIsNone) {
  for (const char* const good : {"../darks", "darks", ".", "../darks/120s", ".."})
    EXPECT_TRUE(is_beside(good)) << good;
  for (const char* const bad : {"", "/etc", "../../etc", "../x/../../etc", "a/../../b"})
    EXPECT_FALSE(is_beside(bad)) << bad;
}

}  // namespace
}  // namespace tilecompile
