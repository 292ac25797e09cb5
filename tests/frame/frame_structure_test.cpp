#include "tilecompile/frame/frame_structure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace tilecompile {
namespace {

constexpr int kStructureWidth = 200, kStructureHeight = 160;
constexpr double kStructureNoise = 15, kSamples = kStructureWidth * kStructureHeight / 256.0;

// A sky with a nebula of this brightness and moonlight that rises to `moon` across the image.
Plane<float> sky(double nebula, double moon = 0, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<double> grain(0, kStructureNoise);
  Plane<float> plane(kStructureWidth, kStructureHeight);
  for (int y = 0; y < kStructureHeight; ++y)
    for (int x = 0; x < kStructureWidth; ++x) {
      const double dx = (x - 90) / 40.0, dy = (y - 80) / 30.0,
                   across = static_cast<double>(x) / kStructureWidth;
      plane.at(x, y) = static_cast<float>(500 + nebula * std::exp(-0.5 * (dx * dx + dy * dy)) +
                                          moon * (across + across * across) + grain(random));
    }
  return plane;
}

StructureProof compared(const Plane<float>& frame, double usual = 400) {
  return compare_structure(structure_cells(frame.view()), structure_cells(sky(usual, 0, 9).view()),
                           kStructureNoise, kSamples);
}

TEST(FrameStructure, AFrameOfTheSameNebulaIsProved) {
  const StructureProof proof = compared(sky(400));
  EXPECT_TRUE(proof.telling());
  EXPECT_FALSE(proof.bad());
  EXPECT_NEAR(proof.slope, 1, 0.05);
  EXPECT_GT(proof.correlation, 0.95);
}

TEST(FrameStructure, ADarkLacksIt) {
  const StructureProof proof = compared(sky(0));
  EXPECT_TRUE(proof.bad());
  EXPECT_NEAR(proof.slope, 0, 0.05);
  EXPECT_THAT(describe_lacking_structure(proof), testing::HasSubstr("nothing of the structure"));
}

TEST(FrameStructure, MoonlightAndHazeAreNoReasons) {
  EXPECT_FALSE(compared(sky(400, 3000)).bad());
  EXPECT_FALSE(compared(sky(100)).bad());     // a quarter of the light
  EXPECT_TRUE(compared(sky(0, 3000)).bad());  // moonlight alone
  EXPECT_NEAR(compared(sky(400, 3000)).slope, 1, 0.05);
}

TEST(FrameStructure, FaintStructureProvesNothing) {
  EXPECT_FALSE(compared(sky(0), 20).telling());
  EXPECT_FALSE(compared(sky(0), 20).bad());
  EXPECT_FALSE(compared(sky(0), 0).bad());
}

TEST(FrameStructure, OnlyCellsThatBothHaveCount) {
  Plane<float> part = sky(400);
  for (int y = 0; y < kStructureHeight; ++y)
    for (int x = 0; x < kStructureWidth / 2; ++x) part.at(x, y) = std::numeric_limits<float>::quiet_NaN();
  const auto cells = structure_cells(part.view());
  EXPECT_TRUE(std::isnan(cells[0]));
  EXPECT_FALSE(std::isnan(cells[15]));
  EXPECT_FALSE(compared(part).bad());
  EXPECT_EQ(compared(Plane<float>(kStructureWidth, kStructureHeight, std::numeric_limits<float>::quiet_NaN()))
                .strength,
            0);
}

}  // namespace
}  // namespace tilecompile
