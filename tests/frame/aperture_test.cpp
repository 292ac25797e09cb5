#include "tilecompile/frame/aperture.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace tilecompile {
namespace {

Plane<float> star(double x, double y, double flux, double sky) {
  Plane<float> p(61, 47);
  const double s = 1.3;
  for (int j = 0; j < p.height(); ++j)
    for (int i = 0; i < p.width(); ++i)
      p.at(i, j) =
          static_cast<float>(sky + flux / (2 * 3.14159265358979 * s * s) *
                                       std::exp(-((i - x) * (i - x) + (j - y) * (j - y)) / (2 * s * s)));
  return p;
}

TEST(Aperture, FluxOfAStarAtAnyPhase) {
  for (const double dx : {0.0, 0.25, 0.5, 0.8}) {
    const Plane<float> p = star(30 + dx, 23 - dx, 5000, 100);
    const ApertureFlux f = aperture_flux(p.view(), 30 + dx, 23 - dx, 6, 10, 14);
    ASSERT_TRUE(f.measured);
    EXPECT_NEAR(f.flux, 5000, 1.0);
    EXPECT_NEAR(f.sky, 100, 1e-4);
  }
}

TEST(Aperture, ScalesWithTheStarAndForgetsTheSky) {
  const double one = aperture_flux(star(30.3, 23.1, 2000, 0).view(), 30.3, 23.1, 4, 8, 12).flux;
  const double two = aperture_flux(star(30.3, 23.1, 4000, 800).view(), 30.3, 23.1, 4, 8, 12).flux;
  EXPECT_NEAR(two / one, 2, 1e-4);
}

TEST(Aperture, ConstantSkyIsNoFlux) {
  const Plane<float> p(61, 47, 7.0f);
  const ApertureFlux f = aperture_flux(p.view(), 30.4, 22.6, 5, 8, 12);
  ASSERT_TRUE(f.measured);
  EXPECT_NEAR(f.flux, 0, 1e-9);
  EXPECT_EQ(f.sky, 7);
}

TEST(Aperture, EdgesAndInvalidPixelsAreNotMeasured) {
  Plane<float> p = star(30, 23, 5000, 100);
  for (const auto& [x, y] : {std::pair{5.0, 23.0}, {56.0, 23.0}, {30.0, 5.0}, {30.0, 42.0}, {-5.0, 23.0}})
    EXPECT_FALSE(aperture_flux(p.view(), x, y, 5, 8, 12).measured) << x << " " << y;
  p.at(30, 31) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(aperture_flux(p.view(), 30, 23, 5, 8, 12).measured);
  EXPECT_TRUE(aperture_flux(p.view(), 30, 18, 5, 8, 12).measured);
}

// Of a Gaussian flux^2 / (4 pi s^2); noise of the sky adds nothing, and a constant sky neither.
TEST(Aperture, SquaresAreThoseOfTheStar) {
  const double of_star = 5000.0 * 5000 / (4 * 3.14159265358979 * 1.3 * 1.3);
  Plane<float> p = star(30.3, 22.8, 5000, 700);
  for (const RingSky ring : {RingSky::kMedian, RingSky::kMean}) {
    const ApertureFlux f = aperture_flux(p.view(), 30.3, 22.8, 7, 10, 14, ring, true);
    EXPECT_NEAR(f.squares, of_star, 1e-3 * of_star);
    EXPECT_EQ(aperture_flux(p.view(), 30.3, 22.8, 7, 10, 14, ring).squares, 0) << "nobody asked";
  }
  std::mt19937 rng(5);
  std::normal_distribution<float> noise(0, 30);
  double sum = 0;
  for (int i = 0; i < 50; ++i) {
    Plane<float> noisy = p;
    for (float& v : noisy.samples()) v += noise(rng);
    sum += aperture_flux(noisy.view(), 30.3, 22.8, 7, 10, 14, RingSky::kMedian, true).squares / 50;
  }
  EXPECT_NEAR(sum, of_star, 0.015 * of_star) << "the noise alone has " << 154 * 900 / of_star << " of that";
}

}  // namespace
}  // namespace tilecompile
