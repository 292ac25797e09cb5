#include "tilecompile/header/shared_sky.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

using testing::HasSubstr;

// A small field around the equator, 2e-5 rad a pixel, its middle moved by dx pixels.
SkyPlace place(double dx) {
  SkyPlace points;
  for (const double at : {-100.0, 0.0, 100.0}) {
    const double x = 2e-5 * (at + dx), y = 2e-5 * at * 0.8;
    const double z = std::sqrt(1 - x * x - y * y);
    points.push_back({x, y, z});
  }
  return points;
}

Manifest night(const std::vector<SkyPlace>& places) {
  Manifest manifest;
  for (std::size_t i = 0; i < places.size(); ++i) {
    ManifestEntry entry;
    entry.path = "l" + std::to_string(i) + ".fit";
    entry.facts.width = 201;
    entry.facts.height = 161;
    entry.facts.channels = 1;
    entry.facts.sky_place = places[i];
    manifest.frames.push_back(entry);
  }
  return manifest;
}

TEST(SharedSky, DistanceIsInPixels) {
  EXPECT_NEAR(sky_distance_px(place(0), place(12), 201, 161), 12, 0.1);
  EXPECT_TRUE(std::isinf(sky_distance_px(place(0), {}, 201, 161)));
}

TEST(SharedSky, SolutionsOfOneImageAgree) {
  EXPECT_TRUE(one_sky(night({place(0), place(0.8), place(-0.8)})));
  EXPECT_TRUE(file_warnings(night({place(0), place(0.8)})).empty());
}

TEST(SharedSky, FramesWithoutCoordinatesSayNothing) {
  EXPECT_TRUE(one_sky(night({{}, place(0), {}, place(0)})));
  EXPECT_TRUE(one_sky(night({{}, {}})));
  EXPECT_FALSE(one_sky(night({{}, place(0), {}, place(5)})));
}

TEST(SharedSky, OtherPlacesAreNamedWithTheLargestDistance) {
  const Manifest manifest = night({place(0), place(12), place(0), place(-30)});
  EXPECT_FALSE(one_sky(manifest));
  const auto warnings = file_warnings(manifest);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("2 frames differ from those of l0.fit by up to 30.0 px"));
  EXPECT_THAT(warnings[0], HasSubstr("l1.fit, l3.fit"));
}

TEST(SharedSky, AnotherFieldIsNamedEvenWhenItComesFirst) {
  const auto warnings = file_warnings(night({place(900), place(0), place(0.5), {}, place(0)}));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("1 frame differs from those of l1.fit by up to"));
  EXPECT_THAT(warnings[0], HasSubstr("more than the image is wide"));
  EXPECT_THAT(warnings[0], HasSubstr("(l0.fit)"));
}

TEST(SharedSky, SeveralImagesInOneFileAreNamedOnce) {
  Manifest manifest = night({{}, {}, {}});
  manifest.frames[1].facts.images = {"HDU 2 (SCI)", "HDU 3 (ERR)", "HDU 4"};
  manifest.frames[2].facts.images = manifest.frames[1].facts.images;
  const auto warnings = file_warnings(manifest);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0],
              HasSubstr("in l1.fit HDU 2 (SCI) is taken, HDU 3 (ERR), HDU 4 left; 2 such files"));
}

}  // namespace
}  // namespace tilecompile
