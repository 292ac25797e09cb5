#include "tilecompile/tile/noise_guard.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

Plane<float> noise(unsigned seed, double sd) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal(100, static_cast<float>(sd));
  Plane<float> p(96, 64);
  for (float& v : p.samples()) v = normal(rng);
  return p;
}

NoiseGuardParams params() {
  NoiseGuardParams p;
  p.mode = NoiseGuardParams::Mode::kSignificance;
  p.low = 3;
  p.high = 5;
  return p;
}

TEST(NoiseGuard, TakesTheSharpMeanAtAStarAndTheQuietOneElsewhere) {
  const Plane<float> quiet = noise(1, 0.1);
  Plane<float> sharp = noise(2, 0.2);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 96; ++x) {
      const double r2 = (x - 48) * (x - 48) + (y - 32) * (y - 32);
      sharp.at(x, y) += static_cast<float>(20 * std::exp(-r2 / 4) - 5 * std::exp(-r2 / 16));
    }
  const Plane<double> share = sharp_share(sharp, quiet, params(), 3);
  EXPECT_GT(share.at(48, 32), 0.999);
  EXPECT_GT(share.at(48 + 4, 32), 0.9) << "the surroundings come along";
  double elsewhere = 0;
  int pixels = 0;
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 96; ++x) {
      EXPECT_GE(share.at(x, y), 0);
      EXPECT_LE(share.at(x, y), 1);
      if (std::abs(x - 48) < 16 && std::abs(y - 32) < 16) continue;
      elsewhere += share.at(x, y);
      ++pixels;
    }
  EXPECT_LT(elsewhere / pixels, 0.1);
}

TEST(NoiseGuard, EqualMeansNeedNoSharpOne) {
  const Plane<float> p = noise(1, 1);
  const Plane<double> share = sharp_share(p, p, params(), 3);
  for (const double s : share.samples()) EXPECT_EQ(s, 0);
}

TEST(NoiseGuard, PixelsWithoutValueAreNoSignal) {
  Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.2);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 30; ++x) quiet.at(x, y) = sharp.at(x, y) = std::nanf("");
  const Plane<double> share = sharp_share(sharp, quiet, params(), 3);
  for (const double s : share.samples()) EXPECT_TRUE(s >= 0 && s <= 1);
}

}  // namespace
}  // namespace tilecompile
