#include "tilecompile/frame/fwhm_surface.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kSurfaceWidth = 640, kSurfaceHeight = 480;

double true_log_fwhm(double x, double y) {
  const double u = (2 * x + 1) / kSurfaceWidth - 1, v = (2 * y + 1) / kSurfaceHeight - 1;
  return std::log(3.0) + 0.1 * u - 0.05 * v + 0.08 * u * u - 0.06 * u * v + 0.03 * v * v;
}

std::vector<StarFwhm> stars(int count, double scatter) {
  std::mt19937 rng(2);
  std::uniform_real_distribution<double> x(0, kSurfaceWidth - 1), y(0, kSurfaceHeight - 1);
  std::normal_distribution<double> noise(0, 1);
  std::vector<StarFwhm> list;
  for (int i = 0; i < count; ++i) {
    StarFwhm s{x(rng), y(rng), 0};
    s.fwhm_px = std::exp(true_log_fwhm(s.x, s.y) + scatter * noise(rng));
    list.push_back(s);
  }
  return list;
}

TEST(FwhmSurface, FindsAQuadraticFieldExactly) {
  const auto surface = fit_fwhm_surface(stars(40, 0), kSurfaceWidth, kSurfaceHeight);
  ASSERT_EQ(surface.size(), 6u);
  for (const double x : {0.0, 100.0, 639.0})
    for (const double y : {0.0, 333.0, 479.0})
      EXPECT_NEAR(log_fwhm_at(surface, x, y, kSurfaceWidth, kSurfaceHeight), true_log_fwhm(x, y), 1e-10);
}

TEST(FwhmSurface, LeavesOutStarsFarFromIt) {
  auto list = stars(60, 0.02);
  for (std::size_t i = 0; i < list.size(); i += 6) list[i].fwhm_px *= 1.6;  // blends
  const auto surface = fit_fwhm_surface(list, kSurfaceWidth, kSurfaceHeight);
  for (const double x : {60.0, 320.0, 580.0})
    EXPECT_NEAR(log_fwhm_at(surface, x, 240, kSurfaceWidth, kSurfaceHeight), true_log_fwhm(x, 240), 0.02);
}

TEST(FwhmSurface, HasFewerTermsForFewerStars) {
  EXPECT_TRUE(fit_fwhm_surface({}, kSurfaceWidth, kSurfaceHeight).empty());
  EXPECT_EQ(fit_fwhm_surface(stars(1, 0), kSurfaceWidth, kSurfaceHeight).size(), 1u);
  EXPECT_EQ(fit_fwhm_surface(stars(11, 0), kSurfaceWidth, kSurfaceHeight).size(), 1u);
  EXPECT_EQ(fit_fwhm_surface(stars(12, 0), kSurfaceWidth, kSurfaceHeight).size(), 3u);
  EXPECT_EQ(fit_fwhm_surface(stars(30, 0), kSurfaceWidth, kSurfaceHeight).size(), 6u);
}

TEST(FwhmSurface, StarsInOnePlaceGiveTheirMean) {
  const std::vector<StarFwhm> list(40, {100, 100, 4.0});
  const auto surface = fit_fwhm_surface(list, kSurfaceWidth, kSurfaceHeight);
  ASSERT_EQ(surface.size(), 1u);
  EXPECT_NEAR(surface[0], std::log(4.0), 1e-12);
}

// Values of the logarithm about 1, whose robust scatter is known, and one more star at `off` from the rest.
std::vector<StarFwhm> scattered(double off) {
  std::vector<StarFwhm> list;
  for (const double d : {-1.0, -1.0, -1.0, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0, off})
    list.push_back({100, 100, std::exp(1 + 0.01 * d)});
  return list;
}

// One term: the mean, of what lies within 3 robust sd of it, round by round.
double obvious_mean(const std::vector<StarFwhm>& list) {
  std::vector<double> kept;
  for (const StarFwhm& star : list) kept.push_back(exact_log(star.fwhm_px));
  double mean = 0;
  for (int round = 0; round < 5; ++round) {
    mean = 0;
    for (const double v : kept) mean += v / static_cast<double>(kept.size());
    std::vector<double> residuals, inside;
    for (const double v : kept) residuals.push_back(std::abs(v - mean));
    for (const double v : kept)
      if (std::abs(v - mean) <= 3 * 1.4826 * median(residuals)) inside.push_back(v);
    if (inside.size() == kept.size()) break;
    kept = inside;
  }
  return mean;
}

TEST(FwhmSurface, DropsWhatLiesBeyondThreeRobustSd) {
  int changes = 0;
  double before = 0;
  for (double off = 3; off < 8; off += 0.25) {
    const auto surface = fit_fwhm_surface(scattered(off), kSurfaceWidth, kSurfaceHeight);
    ASSERT_EQ(surface.size(), 1u);
    EXPECT_NEAR(surface[0], obvious_mean(scattered(off)), 1e-12) << off;
    changes += surface[0] < before ? 1 : 0;
    before = surface[0];
  }
  EXPECT_EQ(changes, 1) << "from one place on the star is left out";
  EXPECT_NEAR(before, 1, 1e-12);
}

TEST(FwhmSurface, GoesOnDroppingUntilNothingIsFar) {
  // Outliers of several sizes: the large ones hide the small ones in the first round.
  auto list = stars(80, 0.01);
  for (std::size_t i = 0; i < 80; i += 4) list[i].fwhm_px *= 1 + 0.04 * static_cast<double>(i);
  const auto surface = fit_fwhm_surface(list, kSurfaceWidth, kSurfaceHeight);
  for (const double x : {60.0, 320.0, 580.0})
    EXPECT_NEAR(log_fwhm_at(surface, x, 240, kSurfaceWidth, kSurfaceHeight), true_log_fwhm(x, 240), 0.01);
}

TEST(FwhmSurface, ASlopeIsTheLeastSquaresPlane) {
  // 20 stars, three terms: the plane through exact values comes back whatever their places.
  std::vector<StarFwhm> list = stars(20, 0);
  const auto plane = [](double x, double y) {
    return 1.1 + 0.2 * ((2 * x + 1) / kSurfaceWidth - 1) - 0.1 * ((2 * y + 1) / kSurfaceHeight - 1);
  };
  for (StarFwhm& star : list) star.fwhm_px = std::exp(plane(star.x, star.y));
  const auto surface = fit_fwhm_surface(list, kSurfaceWidth, kSurfaceHeight);
  ASSERT_EQ(surface.size(), 3u);
  EXPECT_NEAR(surface[0], 1.1, 1e-12);
  EXPECT_NEAR(surface[1], 0.2, 1e-12);
  EXPECT_NEAR(surface[2], -0.1, 1e-12);
  EXPECT_NEAR(log_fwhm_at(surface, 11, 460, kSurfaceWidth, kSurfaceHeight), plane(11, 460), 1e-12);
}

}  // namespace
}  // namespace tilecompile
