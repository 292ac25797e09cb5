#include "tilecompile/header/bad_frame.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(BadFrame, AFrameNamedTwiceHasOneEntryWithBothReasons) {
  const std::vector<BadFrame> joined =
      one_entry_a_frame({{"b.fit", "is dark"}, {"a.fit", "is cut off"}, {"b.fit", "has no stars"}});
  ASSERT_EQ(joined.size(), 2u);
  EXPECT_EQ(joined[0].path, "b.fit") << "in the order of the first mention";
  EXPECT_EQ(joined[0].reason, "is dark; also: has no stars");
  EXPECT_EQ(joined[1].reason, "is cut off");
}

TEST(BadFrame, AListHasALineAFrame) {
  EXPECT_EQ(listed({{"b.fit", "is dark"}, {"a.fit", "is cut off"}}),
            "\n  b.fit: is dark\n  a.fit: is cut off");
  EXPECT_EQ(listed({}), "");
}

}  // namespace
}  // namespace tilecompile
