#include "tile/noise_guard.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/image/order_statistics.hpp"

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

// The formula of the guard in obvious loops: smooth by 1 px, over its own robust sd, maximum, smooth,
// smoothstep.
double kernel(int i) { return std::exp(-0.5 * i * i); }

Plane<double> smoothed(const Plane<double>& p) {
  Plane<double> result(p.width(), p.height());
  for (int y = 0; y < p.height(); ++y)
    for (int x = 0; x < p.width(); ++x) {
      double sum = 0, weight = 0;
      for (int v = std::max(0, y - 3); v <= std::min(p.height() - 1, y + 3); ++v)
        for (int u = std::max(0, x - 3); u <= std::min(p.width() - 1, x + 3); ++u) {
          sum += kernel(u - x) * kernel(v - y) * p.at(u, v);
          weight += kernel(u - x) * kernel(v - y);
        }
      result.at(x, y) = sum / weight;
    }
  return result;
}

Plane<double> obvious_share(const Plane<float>& sharp, const Plane<float>& quiet, double low, double high,
                            int reach) {
  Plane<double> d(sharp.width(), sharp.height());
  for (std::size_t i = 0; i < d.size(); ++i)
    d.samples()[i] = static_cast<double>(sharp.samples()[i]) - quiet.samples()[i];
  d = smoothed(d);
  const double sd = robust_sd(d.samples());
  Plane<double> most(d.width(), d.height());
  for (int y = 0; y < d.height(); ++y)
    for (int x = 0; x < d.width(); ++x)
      for (int v = std::max(0, y - reach); v <= std::min(d.height() - 1, y + reach); ++v)
        for (int u = std::max(0, x - reach); u <= std::min(d.width() - 1, x + reach); ++u)
          most.at(x, y) = std::max(most.at(x, y), std::abs(d.at(u, v)) / sd);
  most = smoothed(most);
  for (double& t : most.samples()) {
    const double u = std::min(1.0, std::max(0.0, (t - low) / (high - low)));
    t = u * u * (3 - 2 * u);
  }
  return most;
}

TEST(NoiseGuard, FollowsItsFormula) {
  const Plane<float> quiet = noise(1, 0.1);
  Plane<float> sharp = noise(2, 0.2);
  sharp.at(40, 20) += 3;
  sharp.at(70, 50) -= 2;
  for (const double reach_fwhm : {0.5, 1.0, 2.0}) {
    NoiseGuardParams p = params();
    p.reach_fwhm = reach_fwhm;
    const Plane<double> share = sharp_share(sharp, quiet, p, 2);
    const Plane<double> expected = obvious_share(sharp, quiet, 3, 5, static_cast<int>(2 * reach_fwhm));
    double least = 1, most = 0;
    for (std::size_t i = 0; i < share.size(); ++i) {
      ASSERT_NEAR(share.samples()[i], expected.samples()[i], 1e-12) << i;
      least = std::min(least, share.samples()[i]);
      most = std::max(most, share.samples()[i]);
    }
    EXPECT_EQ(least, 0);
    EXPECT_GT(most, 0.9);
  }
}

TEST(NoiseGuard, ItsReachIsRoundedToWholePixels) {
  const Plane<float> quiet = noise(1, 0.1);
  Plane<float> sharp = noise(2, 0.2);
  sharp.at(40, 20) += 3;
  const auto share = [&](double reach_fwhm, double seeing_px) {
    NoiseGuardParams p = params();
    p.reach_fwhm = reach_fwhm;
    return sharp_share(sharp, quiet, p, seeing_px).samples();
  };
  EXPECT_NE(share(4, 1), share(5, 1));
  EXPECT_EQ(share(1.5, 2.99), share(4, 1)) << "4.485 px";
  EXPECT_EQ(share(1.5, 3), share(5, 1)) << "4.5 px";
  EXPECT_EQ(share(1.5, 3.5), share(5, 1)) << "5.25 px";
  EXPECT_EQ(share(0.1, 2), share(1, 1)) << "never less than 1 px";
}

}  // namespace
}  // namespace tilecompile
