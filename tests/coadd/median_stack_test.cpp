#include "tilecompile/coadd/median_stack.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

TEST(MedianStack, IsTheMiddleOfValidSamplesLessTheirFramesOffsets) {
  const float nan = std::nanf("");
  // [frame][pixel]
  const std::vector<float> samples = {11, 5, nan, nan, 22, 1, 7, nan, 33, 90, 9, 4};
  std::vector<float> out(4, -1);
  median_over_frames(samples.data(), 4, {10, 20, 30}, 2, 0, 4, out.data());
  EXPECT_EQ(out[0], 2);                         // 1, 2, 3
  EXPECT_EQ(out[1], -5);                        // -5, -19, 60
  EXPECT_EQ(out[2], (7 - 20 + 9 - 30) / 2.0f);  // two valid: their mean
  EXPECT_TRUE(std::isnan(out[3])) << "one valid, two asked for";
}

TEST(MedianStack, OneBadFrameOfManyDoesNotMoveItFar) {
  std::vector<float> samples = {1, 2, 3, 4, 1e30f}, out(1);
  median_over_frames(samples.data(), 1, {0, 0, 0, 0, 0}, 1, 0, 1, out.data());
  EXPECT_EQ(out[0], 3);
}

TEST(MedianStack, WritesOnlyTheAskedPixels) {
  const std::vector<float> samples = {1, 2, 3};
  std::vector<float> out(3, -1);
  median_over_frames(samples.data(), 3, {0}, 1, 1, 2, out.data());
  EXPECT_EQ(out, (std::vector<float>{-1, 2, -1}));
}

}  // namespace
}  // namespace tilecompile
