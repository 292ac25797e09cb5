#include "tilecompile/coadd/classical_check.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

namespace tilecompile {
namespace {

constexpr int kSide = 64, kStackFrames = 40;
constexpr double kStackSigma = 0.03, kSky = 1;

/// The mean of frames with two stars, and another mean of the same frames: half of them, sharper ones, weigh
/// more.
struct Pair {
  Plane<float> tile{kSide, kSide}, tile_variance{kSide, kSide}, stack{kSide, kSide},
      stack_variance{kSide, kSide};
  explicit Pair(unsigned seed, double sharp_fwhm = 3, double more = 3) {
    std::mt19937 rng(seed);
    std::normal_distribution<double> noise(0, kStackSigma);
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < kSide; ++x) {
        double sum = 0, weighted = 0, weights = 0, squares = 0;
        for (int f = 0; f < kStackFrames; ++f) {
          const double fwhm = f % 2 == 0 ? sharp_fwhm : 4.0, w = f % 2 == 0 ? more : 1;
          double v = kSky + noise(rng);
          for (const auto& [sx, sy] : {std::pair{20.3, 17.8}, std::pair{44.9, 40.2}}) {
            const double r2 = (x - sx) * (x - sx) + (y - sy) * (y - sy), s = fwhm / 2.3548;
            v += 30 / (s * s) * std::exp(-r2 / (2 * s * s));
          }
          sum += v;
          weighted += w * v;
          weights += w;
          squares += w * w;
        }
        stack.at(x, y) = static_cast<float>(sum / kStackFrames);
        stack_variance.at(x, y) = static_cast<float>(kStackSigma * kStackSigma / kStackFrames);
        tile.at(x, y) = static_cast<float>(weighted / weights);
        tile_variance.at(x, y) = static_cast<float>(kStackSigma * kStackSigma * squares / weights / weights);
      }
  }
  TileOddness oddness(const std::function<void(Plane<float>&)>& lie = {}) const {
    Plane<float> told = tile;
    if (lie) lie(told);
    return compare_with_stack(
        {told.view(), tile_variance.view(), stack.view(), stack_variance.view(), kStackSigma, 1.5});
  }
};

TEST(ClassicalCheck, HonestTilesWithSharperStarsAreNotOdd) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const TileOddness odd = Pair(seed).oddness();
    EXPECT_FALSE(odd.odd()) << odd.text();
    const TileOddness sharper = Pair(seed, 2.2, 20).oddness();
    EXPECT_FALSE(sharper.odd()) << sharper.text() << ": the same light, closer together";
  }
}

TEST(ClassicalCheck, WhatDoesNotComeFromTheseFramesIs) {
  const Pair pair(5);
  EXPECT_GT(pair.oddness([](auto& t) {
                  for (float& v : t.samples()) v *= 1.05F;
                })
                .level,
            1);
  EXPECT_GT(pair.oddness([](auto& t) {
                  for (float& v : t.samples()) v += 0.05F;
                })
                .level,
            1);
  EXPECT_GT(pair.oddness([](auto& t) { t.at(5, 50) += 0.15F; }).outlier, 1);
  EXPECT_GT(pair.oddness([](auto& t) { t.at(5, 50) -= 0.15F; }).outlier, 1);
  const auto planted = [](auto& t) {
    for (int y = 50; y < 54; ++y)
      for (int x = 8; x < 12; ++x) t.at(x, y) += 0.06F;
  };
  EXPECT_GT(pair.oddness(planted).block, 1) << "sixteen pixels, twice the noise of one frame";
  const auto fainter = [](auto& t) {
    for (float& v : t.samples()) v = static_cast<float>(kSky + (v - kSky) * 0.75);
  };
  EXPECT_GT(pair.oddness(fainter).scale, 1);
  EXPECT_NE(pair.oddness(fainter).text().find("times"), std::string::npos);
}

TEST(ClassicalCheck, PixelsThatNoFrameCoversSayNothing) {
  Pair pair(7);
  for (Plane<float>* p : {&pair.tile, &pair.tile_variance, &pair.stack, &pair.stack_variance})
    for (int y = 0; y < kSide; ++y)
      for (int x = 0; x < 30; ++x) p->at(x, y) = std::nanf("");
  EXPECT_FALSE(pair.oddness().odd()) << pair.oddness().text();
  for (float& v : pair.tile.samples()) v = std::nanf("");
  EXPECT_FALSE(pair.oddness().odd());
}

}  // namespace
}  // namespace tilecompile
