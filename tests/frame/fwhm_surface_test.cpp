#include "tilecompile/frame/fwhm_surface.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kWidth = 640, kHeight = 480;

double true_log_fwhm(double x, double y) {
  const double u = (2 * x + 1) / kWidth - 1, v = (2 * y + 1) / kHeight - 1;
  return std::log(3.0) + 0.1 * u - 0.05 * v + 0.08 * u * u - 0.06 * u * v + 0.03 * v * v;
}

std::vector<StarFwhm> stars(int count, double scatter) {
  std::mt19937 rng(2);
  std::uniform_real_distribution<double> x(0, kWidth - 1), y(0, kHeight - 1);
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
  const auto surface = fit_fwhm_surface(stars(40, 0), kWidth, kHeight);
  ASSERT_EQ(surface.size(), 6u);
  for (const double x : {0.0, 100.0, 639.0})
    for (const double y : {0.0, 333.0, 479.0})
      EXPECT_NEAR(log_fwhm_at(surface, x, y, kWidth, kHeight), true_log_fwhm(x, y), 1e-10);
}

TEST(FwhmSurface, LeavesOutStarsFarFromIt) {
  auto list = stars(60, 0.02);
  for (std::size_t i = 0; i < list.size(); i += 6) list[i].fwhm_px *= 1.6;  // blends
  const auto surface = fit_fwhm_surface(list, kWidth, kHeight);
  for (const double x : {60.0, 320.0, 580.0})
    EXPECT_NEAR(log_fwhm_at(surface, x, 240, kWidth, kHeight), true_log_fwhm(x, 240), 0.02);
}

TEST(FwhmSurface, HasFewerTermsForFewerStars) {
  EXPECT_TRUE(fit_fwhm_surface({}, kWidth, kHeight).empty());
  EXPECT_EQ(fit_fwhm_surface(stars(1, 0), kWidth, kHeight).size(), 1u);
  EXPECT_EQ(fit_fwhm_surface(stars(11, 0), kWidth, kHeight).size(), 1u);
  EXPECT_EQ(fit_fwhm_surface(stars(12, 0), kWidth, kHeight).size(), 3u);
  EXPECT_EQ(fit_fwhm_surface(stars(30, 0), kWidth, kHeight).size(), 6u);
}

TEST(FwhmSurface, StarsInOnePlaceGiveTheirMean) {
  const std::vector<StarFwhm> list(40, {100, 100, 4.0});
  const auto surface = fit_fwhm_surface(list, kWidth, kHeight);
  ASSERT_EQ(surface.size(), 1u);
  EXPECT_NEAR(surface[0], std::log(4.0), 1e-12);
}

}  // namespace
}  // namespace tilecompile
