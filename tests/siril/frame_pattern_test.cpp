#include "tilecompile/siril/frame_pattern.hpp"

#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(FramePattern, CountsFromOneWithAndWithoutZeros) {
  EXPECT_EQ(FramePattern("reg_{index:05d}.fit").name(1), "reg_00001.fit");
  EXPECT_EQ(FramePattern("reg_{index:05d}.fit").name(123456), "reg_123456.fit");
  EXPECT_EQ(FramePattern("{index}.fits").name(42), "42.fits");
  EXPECT_EQ(FramePattern("night/a_{index:02d}_b.fts").name(7), "night/a_07_b.fts");
  EXPECT_EQ(FramePattern("100%d_{index}.fit").name(3), "100%d_3.fit");
}

TEST(FramePattern, RefusesWhatItDoesNotKnow) {
  for (const char* pattern :
       {"reg.fit", "{frame}.fit", "{index:5d}.fit", "{index:00d}.fit", "{index:05x}.fit", "{index:012d}.fit",
        "{index}{index}.fit", "{{index}}.fit", "{index.fit", "index}.fit", "{}.fit", "{index}",
        "{index}.fit.gz", "{index}.png", ""})
    EXPECT_THROW(FramePattern{pattern}, UsageError) << pattern;
}

}  // namespace
}  // namespace tilecompile
