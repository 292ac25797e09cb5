#include "tile/noise_guard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

Plane<double> sharp_share(const Plane<float>& sharp, const Plane<float>& quiet,
                          const NoiseGuardParams& params, double seeing_px) {
  return guard_stars(sharp, quiet, params, seeing_px).sharp_share;
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
  EXPECT_GT(share.at(48 + 3, 32), 0.9) << "the surroundings come along";
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

void add_spot(Plane<float>& p, double x0, double y0, double sigma, double peak) {
  for (int y = 0; y < p.height(); ++y)
    for (int x = 0; x < p.width(); ++x) {
      const double r2 = (x - x0) * (x - x0) + (y - y0) * (y - y0);
      p.at(x, y) += static_cast<float>(peak * std::exp(-0.5 * r2 / (sigma * sigma)));
    }
}

double largest(const Plane<double>& p) { return *std::max_element(p.samples().begin(), p.samples().end()); }

TEST(NoiseGuard, StaysClosedOnDarkStructureOfAnySize) {
  for (const double sigma : {1.3, 3.0, 8.0}) {
    Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.15);
    add_spot(quiet, 48, 32, sigma, -4);
    add_spot(sharp, 48, 32, sigma, -9);
    const Plane<double> share = sharp_share(sharp, quiet, params(), 3);
    for (int y = 32 - 3; y <= 32 + 3; ++y)
      for (int x = 48 - 3; x <= 48 + 3; ++x) EXPECT_EQ(share.at(x, y), 0) << sigma;
    // a hole that is nearer in the sharp mean lets its surroundings look brighter there
    Plane<float> shifted = noise(2, 0.15);
    add_spot(shifted, 48 + 8, 32, sigma, -9);
    EXPECT_EQ(sharp_share(shifted, quiet, params(), 3).at(48, 32), 0) << sigma;
  }
}

TEST(NoiseGuard, StaysClosedOnWhatIsWiderThanAStar) {
  Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.15);
  add_spot(quiet, 48, 32, 25, 10);
  add_spot(sharp, 48, 32, 25, 14);
  EXPECT_LT(largest(sharp_share(sharp, quiet, params(), 3)), 0.7);
}

TEST(NoiseGuard, IsClosedBeyondTwoFwhmOfStarsOfAnyBrightness) {
  for (const double peak : {5.0, 50.0, 5e4}) {
    Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.15);
    add_spot(quiet, 48, 32, 3.4 / 2.355, peak);
    add_spot(sharp, 48, 32, 3 / 2.355, peak * 3.4 * 3.4 / 9);
    const Plane<double> share = sharp_share(sharp, quiet, params(), 3);
    EXPECT_EQ(share.at(48, 32), 1);
    EXPECT_GT(share.at(48 + 3, 32), 0.9) << "all of the ring";
    for (int y = 0; y < 64; ++y)
      for (int x = 0; x < 96; ++x) {
        const double r = std::hypot(x - 48, y - 32);
        if (r > 2.6 * 3 && r < 4 * 3) {
          EXPECT_EQ(share.at(x, y), 0) << peak << " at " << r;
        }
      }
  }
}

// A star of two Gaussians, as far wings make it; wider in the quiet mean, of one flux in both.
void add_winged_star(Plane<float>& p, double fwhm) {
  for (const auto& [width, flux] : {std::array{1.0, 0.8e5}, {2.2, 0.2e5}}) {
    const double sigma = width * fwhm / 2.355;
    add_spot(p, 48, 32, sigma, flux / (2 * 3.14159265 * sigma * sigma));
  }
}

double light_within(const Plane<double>& p, double radius) {
  double sum = 0;
  for (int y = 0; y < p.height(); ++y)
    for (int x = 0; x < p.width(); ++x)
      if (std::hypot(x - 48, y - 32) <= radius) sum += p.at(x, y) - 100;
  return sum;
}

TEST(NoiseGuard, AStarKeepsTheFluxOfTheSharpMean) {
  const double fwhm = 3;
  Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.15);
  add_winged_star(quiet, 1.2 * fwhm);
  add_winged_star(sharp, fwhm);
  const GuardedStars stars = guard_stars(sharp, quiet, params(), fwhm);
  Plane<double> cut(96, 64), whole(96, 64), wanted(96, 64);
  for (std::size_t i = 0; i < cut.size(); ++i) {
    const double n = quiet.samples()[i], d = sharp.samples()[i] - n;
    cut.samples()[i] = n + stars.sharp_share.samples()[i] * d;
    whole.samples()[i] = cut.samples()[i] + stars.light_left_out.samples()[i];
    wanted.samples()[i] = sharp.samples()[i];
  }
  const double flux = light_within(wanted, 4 * fwhm);
  EXPECT_GT(light_within(cut, 4 * fwhm) / flux, 1.01) << "what is cut off is darker in the sharp mean";
  EXPECT_NEAR(light_within(whole, 4 * fwhm) / flux, 1, 0.003);
  EXPECT_NEAR(whole.at(48, 32) / sharp.at(48, 32), 1, 0.003) << "and its peak";
  for (int x = 0; x < 96; ++x)
    if (std::abs(x - 48) > (5.5 + 3) * fwhm) {
      EXPECT_EQ(stars.light_left_out.at(x, 32), 0) << x;
    }
}

TEST(NoiseGuard, WhereNoStarSpeaksNothingIsAdded) {
  Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.15);
  add_spot(sharp, 48, 32, 3, -9);
  const GuardedStars stars = guard_stars(sharp, quiet, params(), 3);
  EXPECT_LT(std::abs(stars.light_left_out.at(48, 32)), 0.05);
}

// The formula of the guard in obvious loops.
Plane<double> smoothed(const Plane<double>& p, double sigma) {
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  const auto kernel = [&](int i) { return std::exp(-0.5 * i * i / (sigma * sigma)); };
  Plane<double> result(p.width(), p.height());
  for (int y = 0; y < p.height(); ++y)
    for (int x = 0; x < p.width(); ++x) {
      double sum = 0, weight = 0;
      for (int v = std::max(0, y - reach); v <= std::min(p.height() - 1, y + reach); ++v)
        for (int u = std::max(0, x - reach); u <= std::min(p.width() - 1, x + reach); ++u) {
          sum += kernel(u - x) * kernel(v - y) * p.at(u, v);
          weight += kernel(u - x) * kernel(v - y);
        }
      result.at(x, y) = sum / weight;
    }
  return result;
}

double step(double u) {
  u = std::min(1.0, std::max(0.0, u));
  return u * u * (3 - 2 * u);
}

Plane<double> of_star_size(const Plane<double>& p, double seeing) {
  const double core = std::max(1.0, 0.3 * seeing);
  Plane<double> narrow = smoothed(p, core);
  const Plane<double> wide = smoothed(p, 2.5 * core);
  for (std::size_t i = 0; i < p.size(); ++i) narrow.samples()[i] -= wide.samples()[i];
  return narrow;
}

GuardedStars obvious_guard(const Plane<float>& sharp, const Plane<float>& quiet, double reach,
                           double seeing) {
  Plane<double> d(sharp.width(), sharp.height()), n = d;
  for (std::size_t i = 0; i < d.size(); ++i) {
    d.samples()[i] = static_cast<double>(sharp.samples()[i]) - quiet.samples()[i];
    n.samples()[i] = quiet.samples()[i];
  }
  const Plane<double> difference = d;
  d = of_star_size(d, seeing);
  n = of_star_size(n, seeing);
  const double sd = robust_sd(d.samples());
  GuardedStars result{Plane<double>(d.width(), d.height()), Plane<double>(d.width(), d.height())};
  const auto near = [&](int x, int y, int r, const auto& visit) {
    for (int v = std::max(0, y - r); v <= std::min(d.height() - 1, y + r); ++v)
      for (int u = std::max(0, x - r); u <= std::min(d.width() - 1, x + r); ++u) visit(u, v);
  };
  struct Voice {
    int x, y;
    double share;
    bool peak;
  };
  std::vector<Voice> voices;
  for (int y = 0; y < d.height(); ++y)
    for (int x = 0; x < d.width(); ++x) {
      double most = -1e9, least = 1e9;
      near(x, y, static_cast<int>(std::lround(seeing)),
           [&](int u, int v) { most = std::max(most, d.at(u, v)); });
      near(x, y, static_cast<int>(std::lround(1.5 * seeing)),
           [&](int u, int v) { least = std::min(least, d.at(u, v)); });
      const bool speaks = n.at(x, y) > 0 && d.at(x, y) >= 0.5 * most && most >= -1.5 * least;
      if (speaks) voices.push_back({x, y, step((d.at(x, y) / sd - 3) / 2), d.at(x, y) == most});
    }
  Plane<double> light(d.width(), d.height());
  for (int y = 0; y < d.height(); ++y)
    for (int x = 0; x < d.width(); ++x) {
      for (const Voice& voice : voices) {
        const double away = std::hypot(voice.x - x, voice.y - y);
        double& s = result.sharp_share.at(x, y);
        s = std::max(s, voice.share * (1 - step((away / reach - 0.8) / 0.5)));
        if (voice.peak)
          light.at(x, y) = std::max(light.at(x, y), voice.share * (1 - step((away / seeing - 3.5) / 2)));
      }
      light.at(x, y) *= (1 - result.sharp_share.at(x, y)) * difference.at(x, y);
    }
  result.light_left_out = smoothed(light, std::max(1.0, seeing));
  return result;
}

TEST(NoiseGuard, FollowsItsFormula) {
  Plane<float> quiet = noise(1, 0.1), sharp = noise(2, 0.2);
  for (Plane<float>* p : {&quiet, &sharp}) {
    add_spot(*p, 40, 20, 1.2, p == &quiet ? 3 : 6);
    add_spot(*p, 1, 33, 1.2, p == &quiet ? 2 : 4);
    add_spot(*p, 70, 50, 1.2, -3);
  }
  for (const auto& [reach_fwhm, seeing, reach] :
       {std::array{0.3, 2.0, 1.0}, {1.5, 2.0, 3.0}, {1.0, 4.6, 4.6}}) {
    NoiseGuardParams p = params();
    p.reach_fwhm = reach_fwhm;
    const GuardedStars stars = guard_stars(sharp, quiet, p, seeing);
    const GuardedStars expected = obvious_guard(sharp, quiet, reach, seeing);
    const Plane<double>& share = stars.sharp_share;
    double least = 1, most = 0;
    for (std::size_t i = 0; i < share.size(); ++i) {
      ASSERT_NEAR(share.samples()[i], expected.sharp_share.samples()[i], 1e-9) << i;
      ASSERT_NEAR(stars.light_left_out.samples()[i], expected.light_left_out.samples()[i], 1e-9) << i;
      least = std::min(least, share.samples()[i]);
      most = std::max(most, share.samples()[i]);
    }
    EXPECT_EQ(least, 0);
    EXPECT_GT(most, 0.9);
  }
}

}  // namespace
}  // namespace tilecompile
