#include "tilecompile/coadd/rejected_light.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

TEST(RejectedLight, IsTakenFromTheMeanOfAllFrames) {
  // Four frames of 10; one has a trail of 30 at the second pixel, another a dark defect of -6 at the third.
  Plane<float> mean(4, 1, 10.0F), low(4, 1), high(4, 1);
  Plane<std::int32_t> coverage(4, 1, 4);
  mean.at(1, 0) = 15;
  high.at(1, 0) = 20;
  mean.at(2, 0) = 6;
  low.at(2, 0) = -16;
  mean.at(3, 0) = std::nanf("");
  coverage.at(3, 0) = 0;
  const Plane<float> kept = without_rejected_light(mean.view(), low, high, coverage);
  for (int x = 0; x < 3; ++x) EXPECT_EQ(kept.at(x, 0), 10) << x;
  EXPECT_TRUE(std::isnan(kept.at(3, 0)));
}

TEST(RejectedLight, WithoutRejectionTheMeanStays) {
  const Plane<float> mean(3, 2, 7.0F);
  EXPECT_EQ(without_rejected_light(mean.view(), {}, {}, Plane<std::int32_t>(3, 2, 5)).samples(),
            mean.samples());
}

}  // namespace
}  // namespace tilecompile
