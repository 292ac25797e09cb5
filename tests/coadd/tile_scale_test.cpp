#include "tilecompile/coadd/tile_scale.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

TEST(MedianScales, BringEveryTileToTheMedianOfMedians) {
  const auto scales = median_scales({0.2, 0.1, 0.4, 1e-7, -0.2}, {1, 2, 3, 4, 5});
  EXPECT_DOUBLE_EQ(scales[0].scale, 0.5);
  EXPECT_DOUBLE_EQ(scales[1].scale, 1);
  EXPECT_DOUBLE_EQ(scales[2].scale, 0.25);
  EXPECT_EQ(scales[3].scale, 1);
  EXPECT_DOUBLE_EQ(scales[4].scale, -0.5);
  EXPECT_EQ(scales[2].background, 3);
}

// Noise of 1 around a level, on `share` of the plane `bright` above it.
Plane<float> noisy(double level, double share, double bright, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> noise(static_cast<float>(level), 1);
  Plane<float> p(60, 50);
  for (int y = 0; y < 50; ++y)
    for (int x = 0; x < 60; ++x)
      p.at(x, y) = noise(rng) + (y < 50 * share ? static_cast<float>(bright) : 0.0F);
  return p;
}

TEST(ReferenceScale, BringsATileToTheLevelOfTheReferenceWithoutScalingIt) {
  Plane<float> tile = noisy(100, 0, 0, 1), reference = noisy(103, 0, 0, 2);
  for (int x = 0; x < 20; ++x) tile.at(x, 3) = reference.at(x, 4) = std::nanf("");
  tile.at(30, 30) += 5000;  // a star of another brightness must not pull the level
  const TileScale scale = reference_scale(tile.view(), reference.view());
  EXPECT_EQ(scale.scale, 1);
  EXPECT_NEAR(scale.offset, 3, 0.1);
}

TEST(ReferenceScale, DoesNotScaleATileWhoseMedianIsItsSky) {
  // 40 % of the tile lie far above the rest, brighter in the reference.
  const Plane<float> tile = noisy(100, 0.4, 100, 1), reference = noisy(100, 0.4, 110, 2);
  EXPECT_EQ(reference_scale(tile.view(), reference.view()).scale, 1) << "the medians are those of the sky";
}

// Half sky, half a nebula that fades from 1000 to 0 in the tile: the level is the sky's, the median lies in
// the nebula.
Plane<float> nebula(double brightness, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> noise(100, 1);
  Plane<float> p(60, 50);
  for (int y = 0; y < 50; ++y)
    for (int x = 0; x < 60; ++x)
      p.at(x, y) = noise(rng) + static_cast<float>(y < 22 ? 0 : brightness * 1000 * (y - 21) / 28);
  return p;
}

TEST(ReferenceScale, ScalesATileToTheReferenceWithinItsLimits) {
  const Plane<float> tile = nebula(1, 1);
  const auto scale = [&](double brightness) {
    return reference_scale(tile.view(), nebula(brightness, 2).view()).scale;
  };
  for (const double between : {0.82, 0.9, 1.1, 1.23}) EXPECT_NEAR(scale(between), between, 0.015);
  EXPECT_EQ(scale(1.4), 1.25);
  EXPECT_EQ(scale(3), 1.25);
  EXPECT_EQ(scale(0.7), 0.8);
  EXPECT_EQ(scale(0.2), 0.8);
}

TEST(ReferenceScale, ScalesNothingThatDoesNotStandOutOfItsNoise) {
  const double faint = 8.0 / 250;  // the median of the nebula at some sigma
  EXPECT_EQ(reference_scale(nebula(faint, 1).view(), nebula(1.1 * faint, 2).view()).scale, 1);
  EXPECT_EQ(reference_scale(nebula(1, 1).view(), nebula(faint, 2).view()).scale, 1);
  EXPECT_EQ(reference_scale(nebula(faint, 1).view(), nebula(1, 2).view()).scale, 1);
}

}  // namespace
}  // namespace tilecompile
