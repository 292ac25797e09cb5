#include "tilecompile/base/edit_distance.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("hots", "host"), 1);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
}

}  // namespace
}  // namespace tilecompile
