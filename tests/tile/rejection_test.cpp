#include "tilecompile/tile/rejection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kCutoutWidth = 31, kCutoutHeight = 17;

struct NightOfOutliers {
  std::vector<Plane<float>> frames;
  std::vector<WeightedCutout> cutouts;

  NightOfOutliers(int count, const std::vector<double>& noise) {
    std::mt19937 rng(1);
    for (int f = 0; f < count; ++f) {
      std::normal_distribution<float> value(
          100, static_cast<float>(noise[static_cast<std::size_t>(f) % noise.size()]));
      Plane<float> p(kCutoutWidth, kCutoutHeight);
      for (float& v : p.samples()) v = value(rng);
      frames.push_back(std::move(p));
    }
    for (int f = 0; f < count; ++f) {
      WeightedCutout c;
      c.samples = frames[static_cast<std::size_t>(f)].view();
      c.noise = noise[static_cast<std::size_t>(f) % noise.size()];
      cutouts.push_back(c);
    }
  }
};

RejectionParams clip_params() {
  RejectionParams params;
  params.mode = RejectionParams::Mode::kSigmaClip;
  return params;
}

std::int64_t total(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const std::int64_t n : counts) sum += n;
  return sum;
}

TEST(Rejection, DropsPlantedPixelsAndHardlyAnyOther) {
  NightOfOutliers night(40, {2});
  for (int x = 0; x < kCutoutWidth; ++x) night.frames[7].at(x, 5) += 30;  // a trail
  night.frames[20].at(3, 3) -= 40;
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (int x = 0; x < kCutoutWidth; ++x) EXPECT_EQ(r.kept[7].at(x, 5), 0) << x;
  EXPECT_EQ(r.kept[20].at(3, 3), 0);
  EXPECT_GE(r.high[7], kCutoutWidth);
  EXPECT_GE(r.low[20], 1);
  const std::int64_t others = total(r.high) + total(r.low) - kCutoutWidth - 1;
  EXPECT_LT(others, 40 * kCutoutWidth * kCutoutHeight / 2000) << "4 sigma is rare";
}

// Seeing that varies by 25 % changes the peak of a star by more than any limit of noise; a cosmic ray beside
// it stands out of pixels that are as flat as the sky.
TEST(Rejection, KeepsStarCoresInChangingSeeing) {
  NightOfOutliers night(60, {2});
  std::mt19937 rng(3);
  std::normal_distribution<double> seeing(0, 0.25);
  const int x0 = 12, y0 = 8;
  for (auto& frame : night.frames) {
    const double variance = 2.0 * std::exp(2 * seeing(rng));
    for (int y = 0; y < kCutoutHeight; ++y)
      for (int x = 0; x < kCutoutWidth; ++x)
        frame.at(x, y) += static_cast<float>(
            20000 / variance * std::exp(-0.5 * ((x - x0) * (x - x0) + (y - y0) * (y - y0)) / variance));
  }
  night.frames[11].at(28, 8) += 60;
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  int in_core = 0;
  for (const auto& kept : r.kept)
    for (int y = y0 - 3; y <= y0 + 3; ++y)
      for (int x = x0 - 3; x <= x0 + 3; ++x) in_core += !kept.empty() && kept.at(x, y) == 0 ? 1 : 0;
  EXPECT_LE(in_core, 60 * 49 / 1000) << "below 0.1 %";
  EXPECT_EQ(r.kept[11].at(28, 8), 0);
}

TEST(Rejection, ANoisyFrameIsJudgedByItsOwnNoise) {
  NightOfOutliers night(40, {2, 2, 2, 8});
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (std::size_t f = 3; f < 40; f += 4)
    EXPECT_LT(r.high[f] + r.low[f], kCutoutWidth * kCutoutHeight / 100) << "frame " << f;
}

TEST(Rejection, EqualCodesAreNotRejectedForTheirNeighbours) {
  // Whole codes: at many pixels all frames but a few agree, and the MAD there is 0.
  NightOfOutliers night(30, {0.4});
  for (auto& frame : night.frames)
    for (float& v : frame.samples()) v = std::round(v);
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  EXPECT_LT(total(r.high) + total(r.low), 30 * kCutoutWidth * kCutoutHeight / 50);
}

TEST(Rejection, TooFewKeptMakesAPlainPixel) {
  RejectionParams params = clip_params();
  params.min_kept_fraction = 0.9;
  NightOfOutliers night(20, {1});
  for (std::size_t f : {2u, 5u, 11u}) night.frames[f].at(9, 9) += 100;
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, params);
  EXPECT_EQ(r.plain.at(9, 9), 1);
  EXPECT_TRUE(r.kept[2].empty() || r.kept[2].at(9, 9) == 1);
  const WeightedMean mean = weighted_mean(night.cutouts, kCutoutWidth, kCutoutHeight, 64, {}, &r.plain);
  double sum = 0;
  for (const auto& frame : night.frames) sum += frame.at(9, 9);
  EXPECT_FLOAT_EQ(mean.mean.at(9, 9), static_cast<float>(sum / 20));
  EXPECT_FALSE(mean.fallback_used);
}

TEST(Rejection, InvalidPixelsTakeNoPart) {
  NightOfOutliers night(12, {1});
  for (std::size_t f = 0; f < 12; ++f) night.frames[f].at(4, 4) = std::nanf("");
  for (std::size_t f = 1; f < 12; ++f) night.frames[f].at(5, 4) = std::nanf("");
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (const auto& kept : r.kept) {
    if (kept.empty()) continue;
    EXPECT_EQ(kept.at(4, 4), 1);
    EXPECT_EQ(kept.at(5, 4), 1);
  }
}

}  // namespace
}  // namespace tilecompile
