#include "tilecompile/align/drizzle_coverage.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr int kSide = 120;

std::vector<PlacedFrame> shifted(int frames, double by_px) {
  const CounterRandom random(9);
  std::vector<PlacedFrame> placed;
  for (int f = 0; f < frames; ++f) {
    const auto k = static_cast<std::uint64_t>(2 * f);
    placed.push_back(
        {shift_transform(by_px * random.uniform(k), by_px * random.uniform(k + 1)), kSide, kSide});
  }
  return placed;
}

DrizzleCoverage covered_by(const std::vector<PlacedFrame>& frames, double drop) {
  return drizzle_coverage(frames, {kSide, kSide, 0, 0, 1}, cfa_pattern("RGGB"), drop);
}

TEST(DrizzleCoverage, OneFrameLeavesWhatItsColoursDoNotReach) {
  const DrizzleCoverage c = covered_by({{shift_transform(0, 0), kSide, kSide}}, 1);
  EXPECT_EQ(c.frames, 1);
  EXPECT_NEAR(c.missing, 2.0 / 3, 1e-12) << "each pixel has one of three colours";
  EXPECT_EQ(c.missing_in_one, c.missing);
  EXPECT_EQ(c.least, 0);
  EXPECT_EQ(c.dither_px, 0);
}

TEST(DrizzleCoverage, ManyShiftedFramesCoverEverything) {
  const DrizzleCoverage c = covered_by(shifted(60, 8), 0.8);
  EXPECT_EQ(c.missing, 0);
  EXPECT_EQ(c.frames_needed(), 60);
  EXPECT_FALSE(c.lacks_dither());
  // A quarter of the pixels is red: 60 x 0.64 / 4 frames in the mean.
  EXPECT_GT(c.least, 3);
  EXPECT_LT(c.least, 9.6);
  EXPECT_NEAR(c.dither_px, 8 / std::sqrt(6.0), 0.5);
}

// What few frames say of the number that is needed holds within a factor of two.
TEST(DrizzleCoverage, FewFramesTellHowManyAreNeeded) {
  const int needed = covered_by(shifted(4, 8), 0.8).frames_needed();
  EXPECT_GT(needed, 4);
  EXPECT_LE(covered_by(shifted(2 * needed, 8), 0.8).missing, kMostMissing);
  EXPECT_GT(covered_by(shifted(needed / 3, 8), 0.8).missing, kMostMissing);
}

// What a sample says of all frames holds within a factor of two.
TEST(DrizzleCoverage, ASampleTellsWhatAllFramesCover) {
  const DrizzleCoverage few = covered_by(shifted(8, 8), 0.8), all = covered_by(shifted(120, 8), 0.8);
  const DrizzleCoverage expected = few.of_more(120);
  EXPECT_EQ(expected.frames, 120);
  EXPECT_LE(expected.missing, kMostMissing);
  EXPECT_NEAR(expected.mean, all.mean, 0.15 * all.mean);
  EXPECT_GT(expected.least, 0.5 * all.least);
  EXPECT_LT(expected.least, 2 * all.least);
  EXPECT_EQ(few.of_more(8).least, few.least);
  EXPECT_EQ(covered_by(shifted(2, 0), 0.8).of_more(200).frames, 2);
  const DrizzleCoverage still = covered_by(shifted(8, 0), 0.8).of_more(120);
  EXPECT_NEAR(still.missing, 2.0 / 3, 1e-12);
}

TEST(DrizzleCoverage, FramesThatLieOnEachOtherLackDither) {
  const DrizzleCoverage c = covered_by(shifted(40, 0), 0.8);
  EXPECT_NEAR(c.missing, 2.0 / 3, 1e-12);
  EXPECT_TRUE(c.lacks_dither());
  EXPECT_GT(c.frames_needed(), 40);
}

TEST(DrizzleCoverage, PlacesThatFewFramesShowDoNotCount) {
  std::vector<PlacedFrame> frames = shifted(50, 8);
  for (PlacedFrame& f : frames) f.width = kSide / 2;
  EXPECT_EQ(covered_by(frames, 0.8).missing, 0);
  for (PlacedFrame& f : frames) f.transform = shift_transform(1000, 0);
  const DrizzleCoverage nowhere = covered_by(frames, 0.8);
  EXPECT_EQ(nowhere.missing, 1);
  EXPECT_EQ(nowhere.frames_needed(), std::numeric_limits<int>::max());
  EXPECT_EQ(covered_by({}, 0.8).missing, 1);
}

TEST(DrizzleCoverage, OneColourIsCoveredByOneFrameOfFullDrops) {
  const DrizzleCoverage c =
      drizzle_coverage({{shift_transform(0, 0), kSide, kSide}}, {kSide, kSide, 0, 0, 1}, std::nullopt, 1);
  EXPECT_EQ(c.missing, 0);
  EXPECT_EQ(c.least, 1);
}

}  // namespace
}  // namespace tilecompile
