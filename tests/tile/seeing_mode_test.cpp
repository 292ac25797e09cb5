#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "extended_night.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {
namespace {

TEST(SeeingMode, WeighsByInverseVarianceAndPowerOfTheSeeing) {
  const ExtendedNight night(10);
  TileInput in = night.input({});
  in.local.sharpness = 3;
  const TileResult tile = compute_tile(in);
  for (std::size_t f = 0; f < 10; ++f) {
    const double sigma = 1.2 + 0.1 * static_cast<double>(f % 5),
                 noise = 1 + 0.25 * static_cast<double>(f % 3);
    const double ratio = tile.channels[0].frame_weight[f] / tile.channels[0].frame_weight[0];
    EXPECT_NEAR(ratio, std::pow(sigma / 1.2, -3) / (noise * noise), 1e-9) << f;
  }
}

TEST(SeeingMode, AFrameWithoutSeeingGetsTheMedianOfTheOthers) {
  ExtendedNight night(9);
  night.metrics.channels[0][4].fwhm_surface.clear();
  const TileResult tile = compute_tile(night.input({}));
  std::vector<double> others = tile.channels[0].quality;
  others.erase(others.begin() + 4);
  EXPECT_DOUBLE_EQ(tile.channels[0].quality[4], median(others));
}

TEST(SeeingMode, TheExponentGivesWayToTheEffectiveNumberOfFrames) {
  const ExtendedNight night(40);
  TileInput in = night.input({});
  in.local.sharpness = 15;
  const auto effective = [&](double fraction) {
    in.local.min_effective_fraction = fraction;
    const TileResult tile = compute_tile(in);
    double sum = 0, squares = 0;
    for (std::size_t f = 0; f < 40; ++f) {
      const double share = 1 - 5.0 * static_cast<double>(f % 4) / kBox.w,
                   w = tile.channels[0].frame_weight[f];
      sum += share * w;
      squares += share * w * w;
    }
    return sum * sum / squares;
  };
  const double free = effective(0), half = effective(0.5), all = effective(1);
  EXPECT_LT(free, 0.45 * all);
  EXPECT_NEAR(half, 0.5 * all, 0.001 * all);
}

TEST(SeeingMode, TheLoweredExponentIsTheLargestBelowItsLimit) {
  const ExtendedNight night(40);
  TileInput in = night.input({});
  in.local.sharpness = 15;
  const auto log_ratio = [&](std::size_t f) {
    return log_fwhm_at(night.metrics.channels[0][f].fwhm_surface, 0.5 * (kBox.w - 1), 0.5 * (kBox.h - 1),
                       kBox.w, kBox.h) -
           exact_log(night.metrics.seeing_px);
  };
  const auto effective = [&](double n) {
    double sum = 0, squares = 0;
    for (std::size_t f = 0; f < 40; ++f) {
      const double share = 1 - 5.0 * static_cast<double>(f % 4) / kBox.w;
      const double w = night.metrics.channels[0][f].inverse_variance * exact_exp(-n * log_ratio(f));
      sum += share * w;
      squares += share * w * w;
    }
    return sum * sum / squares;
  };
  // 30 halvings of 0 .. 15: the exponent is a multiple of 15 / 2^30, and one more step is too far.
  const double step = 15 / 0x1p30;
  for (const double fraction : {0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8}) {
    SCOPED_TRACE(fraction);
    in.local.min_effective_fraction = fraction;
    const TileResult tile = compute_tile(in);
    const double n = -tile.channels[0].quality[3] / log_ratio(3);
    const double steps = std::floor(n / step + 0.5);
    EXPECT_NEAR(n / step, steps, 1e-4);
    EXPECT_GE(effective(steps * step), fraction * effective(0));
    EXPECT_LT(effective((steps + 1) * step), fraction * effective(0));
    for (std::size_t f = 0; f < 40; ++f)
      EXPECT_EQ(tile.channels[0].quality[f], log_ratio(f) * -(steps * step)) << "the very bits, frame " << f;
  }
}

TEST(SeeingMode, AnExponentThatLeavesJustEnoughFramesIsNotLowered) {
  // Equal weights at every exponent: all frames count, the limit of all of them is met exactly.
  ExtendedNight night(8);
  for (auto& frame : night.metrics.channels[0]) {
    frame.fwhm_surface = night.metrics.channels[0][0].fwhm_surface;
    frame.inverse_variance = 1;
  }
  TileInput in = night.input({});
  in.local.sharpness = 6;
  const auto free = compute_tile(in).channels[0].quality;
  in.local.min_effective_fraction = 1;
  EXPECT_EQ(compute_tile(in).channels[0].quality, free);
}

}  // namespace
}  // namespace tilecompile
