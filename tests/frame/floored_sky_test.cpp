#include "tilecompile/frame/floored_sky.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {
namespace {

// A sky of sigma 15 around `mean`, rounded to codes and clipped at 0.
Plane<float> clipped_sky(double mean) {
  std::mt19937 random(3);
  std::normal_distribution<double> noise(mean, 15);
  Plane<float> plane(200, 150);
  for (float& v : plane.samples()) v = static_cast<float>(std::max(0.0, std::floor(noise(random) + 0.5)));
  return plane;
}

TEST(FlooredSky, NoiseIsThatOfTheSkyBeforeItWasClipped) {
  for (const double mean : {20.0, 10.0, 2.0, -5.0, -13.0, -20.0}) {
    const Plane<float> plane = clipped_sky(mean);
    const auto noise = floored_noise(plane.view(), std::max(0.0, mean), 8);
    ASSERT_TRUE(noise.has_value()) << mean;
    EXPECT_NEAR(*noise, 15, 1.6) << mean;
  }
}

TEST(FlooredSky, FramesWeighByItWhetherTheyDivideOrNot) {
  Distribution scratch;
  NormalizationParams params;
  params.mode = NormalizationParams::Mode::kPhotometric;
  for (const double code_step : {0.0, 1.0})
    EXPECT_NEAR(measure_frame_channel(clipped_sky(-13).view(), code_step, params, scratch).noise, 15, 1.6);
}

TEST(FlooredSky, SkiesAboveZeroAndBordersOfZerosAreNot) {
  EXPECT_FALSE(floored_noise(clipped_sky(60).view(), 60, 15).has_value());
  Plane<float> bordered = clipped_sky(500);
  for (int y = 0; y < 150; ++y) std::fill(bordered.row(y), bordered.row(y) + 50, 0.0F);
  EXPECT_FALSE(floored_noise(bordered.view(), 500, 15).has_value());
}

TEST(FlooredSky, AStarKeepsItsFluxOverTheMeanOfSuchASky) {
  Plane<float> plane = clipped_sky(2);
  plane.at(100, 75) += 20000;
  EXPECT_NEAR(aperture_flux(plane.view(), 100, 75, 5, 8, 12, RingSky::kMean).flux, 20000, 160);
  EXPECT_GT(aperture_flux(plane.view(), 100, 75, 5, 8, 12, RingSky::kMedian).flux,
            20300);  // some 5 a pixel more
}

TEST(FlooredSky, FramesAreNamed) {
  EXPECT_TRUE(floored_backgrounds({0, 0.15}, {"a", "b"}).empty());
  const auto bad = floored_backgrounds({0, 0.5}, {"a", "b"});
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].path, "b");
  EXPECT_THAT(bad[0].reason, testing::HasSubstr("clipped at 0 (50 % of the samples), so I/B has no meaning"));
  EXPECT_TRUE(floored_warnings({0, 0.04, 0}, {"a", "b", "c"}).empty());
  const auto warnings = floored_warnings({0.5, 0, 0.1}, {"a.fit", "b.fit", "c.fit"});
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], testing::HasSubstr("2 frames are clipped at 0 (up to 50 % of the samples)"));
  EXPECT_THAT(warnings[0], testing::HasSubstr("(a.fit, c.fit)"));
}

}  // namespace
}  // namespace tilecompile
