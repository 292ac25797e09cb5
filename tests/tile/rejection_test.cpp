#include "tile/rejection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>

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
  EXPECT_LE(r.high[7], 5 * kCutoutWidth + 10) << "two pixels to each side";
  const std::int64_t others = total(r.high) + total(r.low) - r.high[7] - 1;
  EXPECT_LT(others, 40 * kCutoutWidth * kCutoutHeight / 2000) << "4 sigma is rare";
}

// Seeing that varies by 25 % changes the peak of a star by more than any limit of noise; a cosmic ray beside
// it stands out of pixels that are as flat as the sky.
// A bright object with wide wings, at another place in every frame.
void add_object(Plane<float>& frame, double x0, double y0, double peak) {
  for (int y = 0; y < kCutoutHeight; ++y)
    for (int x = 0; x < kCutoutWidth; ++x) {
      const double r2 = (x - x0) * (x - x0) + (y - y0) * (y - y0);
      frame.at(x, y) += static_cast<float>(peak / std::pow(1 + r2 / 6, 4));
    }
}

TEST(Rejection, AMovingObjectGoesWithItsWings) {
  const double noise = 2;
  NightOfOutliers night(60, {noise});
  const NightOfOutliers clean = night;
  for (int f = 0; f < 30; ++f) add_object(night.frames[static_cast<std::size_t>(f)], f, 8, 800 * noise);
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  double left = 0, planted = 0;
  for (std::size_t f = 0; f < 30; ++f) {
    for (int y = 0; y < kCutoutHeight; ++y)
      for (int x = 0; x < kCutoutWidth; ++x) {
        const double added = night.frames[f].at(x, y) - clean.frames[f].at(x, y);
        planted += added;
        if (r.kept[f].at(x, y) == 0) continue;
        EXPECT_LT(added, 1.3 * noise) << f << " " << x << " " << y;
        left += added;
      }
  }
  EXPECT_LT(left / planted, 0.005);
}

TEST(Rejection, AHotPixelTakesNothingWithIt) {
  NightOfOutliers night(40, {2});
  for (int f = 0; f < 40; ++f)  // two frames a place, so that most samples are good everywhere
    night.frames[static_cast<std::size_t>(f)].at(3 + f / 2, 8) += 3000;
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (std::size_t f = 0; f < 40; ++f)
    for (int v = -1; v <= 1; ++v)
      for (int u = -1; u <= 1; ++u)
        EXPECT_EQ(r.kept[f].at(3 + static_cast<int>(f) / 2 + u, 8 + v), u == 0 && v == 0 ? 0 : 1) << f;
}

TEST(Rejection, ATrackLeavesEveryPixelItsLeastShareOfFrames) {
  NightOfOutliers night(10, {2});
  for (std::size_t f = 0; f < 5; ++f)  // at one place: half of the frames
    add_object(night.frames[f], 15, 8, 2000);
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (int y = 0; y < kCutoutHeight; ++y)
    for (int x = 0; x < kCutoutWidth; ++x) {
      int kept = 0;
      for (const auto& plane : r.kept) kept += plane.empty() ? 1 : plane.at(x, y);
      EXPECT_GE(kept, 5) << x << " " << y;
    }
}

TEST(Rejection, TheRejectedLightIsWhatWasTaken) {
  NightOfOutliers night(40, {2});
  for (int y = 0; y < kCutoutHeight; ++y)
    for (int x = 0; x < kCutoutWidth; ++x)
      for (std::size_t f = 0; f < 40; ++f) night.frames[f].at(x, y) = f % 2 == 0 ? 99.F : 101.F;
  night.frames[7].at(5, 5) = 600;
  night.frames[8].at(5, 5) = 700;
  night.frames[9].at(6, 6) = -300;
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  EXPECT_NEAR(r.light_high.at(5, 5), 500 + 600, 4);
  EXPECT_EQ(r.light_low.at(5, 5), 0);
  EXPECT_NEAR(r.light_low.at(6, 6), -400, 2);
  double sum = 0;
  for (const double v : r.light_high.samples()) sum += v;
  EXPECT_EQ(sum, r.light_high.at(5, 5)) << "nothing elsewhere";
}

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

// A jump of the guiding puts a second star beside each: light of the star that faint stars keep, since it is
// below the limits, so that bright ones may not lose it. What is brighter than the star, or further away than
// a frame spreads light, still goes.
TEST(Rejection, ADoubledFrameKeepsTheLightOfItsStars) {
  const int x0 = 8, y0 = 8, apart = 7, far = 28;
  NightOfOutliers night(40, {2});
  const auto add = [&](std::size_t f, int x, double peak) {
    for (int y = 0; y < kCutoutHeight; ++y)
      for (int u = 0; u < kCutoutWidth; ++u)
        night.frames[f].at(u, y) +=
            static_cast<float>(peak * std::exp(-0.5 * ((u - x) * (u - x) + (y - y0) * (y - y0)) / 1.7));
  };
  for (std::size_t f = 0; f < 40; ++f) add(f, x0, f < 4 ? 600 : 1000);
  for (std::size_t f = 0; f < 4; ++f) add(f, x0 + apart, 400);
  night.frames[1].at(far, y0) += 400;
  night.frames[2].at(x0 + apart, y0) += 900;
  for (const std::size_t f : {0, 1, 2}) night.cutouts[f].spread_px = 11.5;  // not known of the fourth
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  const auto kept = [&](std::size_t f, int x) { return r.kept[f].empty() || r.kept[f].at(x, y0) != 0; };
  for (int x = x0 + apart - 2; x <= x0 + apart + 2; ++x) {
    EXPECT_TRUE(kept(0, x)) << x;
    EXPECT_TRUE(kept(1, x)) << x;
    EXPECT_FALSE(kept(3, x)) << x;
  }
  EXPECT_FALSE(kept(1, far)) << "out of reach";
  EXPECT_FALSE(kept(2, x0 + apart)) << "more than the star has";
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

// 23 frames of 99, 100 and 101, ten of each outer value: median 100, MAD 1, so s = 1.4826 everywhere.
struct Comb {
  std::vector<Plane<float>> frames;
  std::vector<WeightedCutout> cutouts;

  Comb() {
    for (int f = 0; f < 23; ++f)
      frames.emplace_back(kCutoutWidth, kCutoutHeight, f >= 20 ? 100.0F : f % 2 == 0 ? 101.0F : 99.0F);
    for (const auto& frame : frames) {
      cutouts.emplace_back();
      cutouts.back().samples = frame.view();
      cutouts.back().noise = 1;
    }
  }
};

TEST(Rejection, EachSideHasItsOwnLimit) {
  const double s = 1.4826;
  Comb night;
  // Two pixels far from each other, so that neither widens the limits of the other.
  night.frames[20].at(5, 5) = static_cast<float>(100 + 6 * s);
  night.frames[20].at(20, 5) = static_cast<float>(100 - 6 * s);
  const auto rejected = [&](double low, double high) {
    RejectionParams params = clip_params();
    params.sigma_low = low;
    params.sigma_high = high;
    const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, params);
    EXPECT_EQ(total(r.low) + total(r.high), r.low[20] + r.high[20]) << "no other pixel";
    return std::pair{r.low[20], r.high[20]};
  };
  EXPECT_EQ(rejected(5.9, 6.1), (std::pair<std::int64_t, std::int64_t>{1, 0}));
  EXPECT_EQ(rejected(6.1, 5.9), (std::pair<std::int64_t, std::int64_t>{0, 1}));
  EXPECT_EQ(rejected(5.9, 5.9), (std::pair<std::int64_t, std::int64_t>{1, 1}));
  EXPECT_EQ(rejected(6.1, 6.1), (std::pair<std::int64_t, std::int64_t>{0, 0}));
}

TEST(Rejection, TheKeptFractionItselfIsEnough) {
  RejectionParams params = clip_params();
  params.min_kept_fraction = 0.75;
  std::vector<Plane<float>> frames;
  for (int f = 0; f < 20; ++f) frames.emplace_back(kCutoutWidth, kCutoutHeight, f % 2 == 0 ? 101.0F : 99.0F);
  std::vector<WeightedCutout> cutouts(20);
  for (std::size_t f = 0; f < 20; ++f) cutouts[f].samples = frames[f].view();
  for (std::size_t f = 0; f < 5; ++f) frames[f].at(4, 8) = 1000;
  for (std::size_t f = 0; f < 6; ++f) frames[f].at(20, 8) = 1000;
  const Rejection r = reject_outliers(cutouts, kCutoutWidth, kCutoutHeight, params);
  ASSERT_EQ(r.plain.at(4, 8), 0) << "15 of 20 are 75 %";
  EXPECT_EQ(r.kept[0].at(4, 8), 0);
  EXPECT_EQ(r.plain.at(20, 8), 1) << "14 of 20 are fewer";
  EXPECT_EQ(total(r.high), 5) << "where the plain mean comes back nothing counts as rejected";
}

TEST(Rejection, EffectiveFramesWeightAndVarianceAreThoseOfTheKeptFrames) {
  Comb night;
  for (const std::size_t f : {3u, 8u}) night.frames[f].at(5, 5) = 500;
  for (std::size_t f = 0; f < 23; ++f) {
    night.cutouts[f].weight = 1 + 0.25 * static_cast<double>(f % 4);
    night.cutouts[f].noise = 1 + 0.1 * static_cast<double>(f % 3);
  }
  const Rejection r = reject_outliers(night.cutouts, kCutoutWidth, kCutoutHeight, clip_params());
  for (std::size_t f = 0; f < 23; ++f)
    if (!r.kept[f].empty()) night.cutouts[f].kept = &r.kept[f];
  const WeightedMean mean = weighted_mean(night.cutouts, kCutoutWidth, kCutoutHeight, 64, {}, &r.plain);
  for (const int x : {5, 6}) {
    double value = 0, sum = 0, squares = 0, variance = 0;
    for (std::size_t f = 0; f < 23; ++f) {
      if (x == 5 && (f == 3 || f == 8)) continue;
      const double w = night.cutouts[f].weight;
      value += w * night.frames[f].at(x, 5);
      sum += w;
      squares += w * w;
      variance += w * w * night.cutouts[f].noise * night.cutouts[f].noise;
    }
    EXPECT_FLOAT_EQ(mean.mean.at(x, 5), static_cast<float>(value / sum));
    EXPECT_FLOAT_EQ(mean.weight.at(x, 5), static_cast<float>(sum));
    EXPECT_FLOAT_EQ(mean.effective_frames.at(x, 5), static_cast<float>(sum * sum / squares));
    EXPECT_FLOAT_EQ(mean.variance.at(x, 5), static_cast<float>(variance / (sum * sum)));
    EXPECT_EQ(mean.coverage.at(x, 5), 23) << "coverage counts the frames that saw the pixel";
  }
}

}  // namespace
}  // namespace tilecompile
