#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tile/rejection.hpp"
#include "tile/residual_noise.hpp"
#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/local_metrics.hpp"

namespace tilecompile {
namespace {

constexpr int kDrizzledWidth = 67, kDrizzledHeight = 41;

/// Frames of noise about 50, each of which reaches a part of the pixels with shares from 0 to 1.
struct DrizzledNight {
  std::vector<Plane<float>> samples, shares;
  std::vector<WeightedCutout> cutouts;

  DrizzledNight(int frames, double reached, double noise) {
    std::mt19937 rng(4);
    std::normal_distribution<float> value(50, static_cast<float>(noise));
    std::uniform_real_distribution<float> any(0, 1);
    for (int f = 0; f < frames; ++f) {
      samples.emplace_back(kDrizzledWidth, kDrizzledHeight, std::numeric_limits<float>::quiet_NaN());
      shares.emplace_back(kDrizzledWidth, kDrizzledHeight);
      for (std::size_t i = 0; i < samples.back().size(); ++i) {
        if (any(rng) >= reached) continue;
        samples.back().samples()[i] = value(rng);
        shares.back().samples()[i] = 0.02F + 0.98F * any(rng);
      }
    }
    for (int f = 0; f < frames; ++f) {
      WeightedCutout c;
      c.samples = samples[static_cast<std::size_t>(f)].view();
      c.shares = shares[static_cast<std::size_t>(f)].view();
      c.weight = 1 + f % 3;
      c.noise = noise / 2;  // as interpolated frames have it
      cutouts.push_back(c);
    }
  }
};

void expect_sums(const DrizzledNight& night, const Plane<float>* ramp, bool plain) {
  const Plane<std::uint8_t> rejected(kDrizzledWidth, kDrizzledHeight, 1);
  const WeightedMean mean =
      weighted_mean(night.cutouts, kDrizzledWidth, kDrizzledHeight, 64, {}, plain ? &rejected : nullptr);
  int seen = 0;
  for (int y = 0; y < kDrizzledHeight; ++y)
    for (int x = 0; x < kDrizzledWidth; ++x) {
      double value = 0, weight = 0, squares = 0;
      int count = 0;
      for (std::size_t f = 0; f < night.cutouts.size(); ++f) {
        const double m = night.shares[f].at(x, y);
        if (!(m > 0)) continue;
        double w = plain ? m : night.cutouts[f].weight * m;
        if (!plain && ramp != nullptr) w = night.cutouts[f].weight * ramp->at(x, y);
        value += w * static_cast<double>(night.samples[f].at(x, y));
        weight += w;
        squares += w * w;
        ++count;
      }
      EXPECT_EQ(mean.coverage.at(x, y), count);
      if (count == 0) continue;
      ++seen;
      const double sigma = night.cutouts.front().noise;
      EXPECT_FLOAT_EQ(mean.mean.at(x, y), static_cast<float>(value / weight));
      EXPECT_FLOAT_EQ(mean.effective_frames.at(x, y), static_cast<float>(weight * weight / squares));
      EXPECT_FLOAT_EQ(mean.variance.at(x, y),
                      static_cast<float>(squares * sigma * sigma / (weight * weight)));
      if (plain) continue;
      EXPECT_FLOAT_EQ(mean.weight.at(x, y), static_cast<float>(weight));
    }
  EXPECT_GT(seen, kDrizzledWidth * kDrizzledHeight / 2);
}

TEST(DrizzledTile, SharesAreWeightsInEverySum) {
  const DrizzledNight night(9, 0.4, 3);
  expect_sums(night, nullptr, false);
  expect_sums(night, nullptr, true);
}

// `ramp` stands for the border's ramp times the shares.
TEST(DrizzledTile, ARampIsWhatCountsAndPlainMeansLeaveItOut) {
  DrizzledNight night(1, 0.9, 3);
  Plane<float> ramp = night.shares[0];
  for (float& v : ramp.samples()) v *= 0.5F;
  night.cutouts[0].ramp = &ramp;
  expect_sums(night, &ramp, false);
  expect_sums(night, &ramp, true);
}

TEST(DrizzledTile, TheNoiseOfAFrameIsFoundFromItsResiduals) {
  for (const double reached : {0.25, 0.8}) {
    const DrizzledNight night(16, reached, 3);
    std::vector<double> weights;
    for (const WeightedCutout& c : night.cutouts) weights.push_back(c.weight);
    const auto noise = residual_noise(
        night.cutouts, sampled_mean(night.cutouts, kDrizzledWidth, kDrizzledHeight, 64), weights);
    double sum = 0;
    for (const double n : noise) sum += n;
    EXPECT_NEAR(sum / 16, 3, 0.2) << reached;
  }
}

TEST(DrizzledTile, RejectedLightCountsAsItsShareDoes) {
  DrizzledNight night(30, 1, 1);
  const std::size_t flash = 4;
  night.samples[flash].at(20, 20) += 500;
  RejectionParams params;
  params.mode = RejectionParams::Mode::kSigmaClip;
  const Rejection r = reject_outliers(night.cutouts, kDrizzledWidth, kDrizzledHeight, params);
  ASSERT_EQ(r.kept[flash].at(20, 20), 0);
  double shares = 0;
  for (const Plane<float>& s : night.shares) shares += static_cast<double>(s.at(20, 20));
  const double part = static_cast<double>(night.shares[flash].at(20, 20)) / (shares / 30);
  EXPECT_NEAR(r.light_high.at(20, 20) / (500 * part), 1, 0.02);
}

TEST(DrizzledTile, AFrameCoversWhatItsSharesSay) {
  const DrizzledNight night(1, 0.5, 1);
  FrameMetrics metrics;
  metrics.channels = {{FrameChannel{}}};
  TileInput input;
  input.box = {0, 0, kDrizzledWidth, kDrizzledHeight};
  input.metrics = &metrics;
  input.frame_index = {0};
  input.local.mode = LocalMetricsParams::Mode::kSeeing;
  input.local.min_effective_fraction = 0.3;
  input.cutouts = {{FrameCutout{night.samples[0].view(), 0, night.shares[0].view()}}};
  double sum = 0;
  for (const float m : night.shares[0].samples()) sum += static_cast<double>(m);
  const auto local = measure_frames(input, 0, TileKind::kStructure, {});
  EXPECT_NEAR(local[0].covered_share, sum / (kDrizzledWidth * kDrizzledHeight), 1e-9);
}

}  // namespace
}  // namespace tilecompile
