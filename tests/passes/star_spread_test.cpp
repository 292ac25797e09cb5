#include "tilecompile/passes/star_spread.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <random>

#include "tilecompile/frame/flux_scale.hpp"

namespace tilecompile {
namespace {

constexpr int kWidth = 320, kHeight = 240;
constexpr double kReferenceFwhm = 3;
const double kNone = std::nan("");

std::vector<ReferenceStar> places() {
  std::vector<ReferenceStar> stars;
  for (int j = 0; j < 3; ++j)
    for (int i = 0; i < 4; ++i) stars.push_back({50.3 + 70 * i, 50.6 + 70 * j});
  return stars;
}

struct Part {
  double dx, dy, share;
};

// Stars of flux 10000 a star's number + 1, Moffat profile of exponent 3, each at several places.
Plane<float> frame(double transparency, double fwhm, double sky,
                   const std::vector<Part>& parts = {{0, 0, 1}}) {
  Plane<float> p(kWidth, kHeight, static_cast<float>(sky));
  const double core = fwhm / (2 * std::sqrt(std::pow(2, 1.0 / 3) - 1));
  const auto stars = places();
  for (std::size_t s = 0; s < stars.size(); ++s)
    for (const Part& part : parts)
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) {
          const double u = x - stars[s].x - part.dx, v = y - stars[s].y - part.dy;
          const double flux = 10000.0 * static_cast<double>(s + 1) * transparency * part.share;
          p.at(x, y) += static_cast<float>(flux * 2 / (M_PI * core * core) *
                                           std::pow(1 + (u * u + v * v) / (core * core), -3));
        }
  return p;
}

StarSpread spread_of(const Plane<float>& image, double fwhm) {
  const Plane<float> mean = frame(1, kReferenceFwhm, 100);
  const StarLight reference =
      star_light(mean.view(), places(), kReferenceFwhm, kReferenceFwhm, RingSky::kMedian);
  return star_spread(star_light(image.view(), places(), fwhm, kReferenceFwhm, RingSky::kMedian), reference);
}

// Root of the area of the matched filter of the parts over that of one, by a sum over a fine image.
double true_width(double fwhm, const std::vector<Part>& parts) {
  const auto area = [&](const std::vector<Part>& of) {
    double sum = 0, squares = 0;
    const double core = fwhm / (2 * std::sqrt(std::pow(2, 1.0 / 3) - 1)), step = 0.25;
    for (double y = -30; y < 30; y += step)
      for (double x = -30; x < 30; x += step) {
        double v = 0;
        for (const Part& p : of)
          v +=
              p.share * std::pow(1 + ((x - p.dx) * (x - p.dx) + (y - p.dy) * (y - p.dy)) / (core * core), -3);
        sum += v;
        squares += v * v;
      }
    return sum * sum / squares;
  };
  return std::sqrt(area(parts) / area({{0, 0, 1}}));
}

TEST(WideLight, HoldsAllLightOfTheBrightest) {
  const Plane<float> image = frame(1, 3, 100);
  std::vector<ReferenceStar> stars = places();
  const WideLight light = wide_light(image.view(), stars, 2.5);
  ASSERT_EQ(light.flux.size(), stars.size());
  for (std::size_t i = 0; i < stars.size(); ++i) {
    const ApertureFlux star =
        aperture_flux(image.view(), stars[i].x, stars[i].y, 10, 12.5, 17.5, RingSky::kMedian, true);
    EXPECT_EQ(light.flux[i], star.flux);
    EXPECT_EQ(light.squares[i], star.squares);
  }
  stars.resize(40, {50.3, 50.6});
  EXPECT_EQ(wide_light(image.view(), stars, 2.5).flux.size(), 30U);
}

TEST(StarSpread, IsNoneWhereOnlyTheSeeingAndTheSkyChange) {
  for (const double fwhm : {2.4, 3.0, 4.2, 6.0}) {
    const StarSpread spread = spread_of(frame(0.7, fwhm, 180), fwhm);
    EXPECT_NEAR(spread.width, 1, 0.05) << fwhm;
    EXPECT_NEAR(spread.light, 0.7, 0.7 * 0.03) << fwhm;
    EXPECT_FALSE(is_spread(spread)) << fwhm;
  }
}

// Wherever the second star stands, the frame is found, its scale is its transparency, and its width that of
// the matched filter.
TEST(StarSpread, OfADoubledFrameIsThatOfTheMatchedFilter) {
  for (const double apart : {4.5, 6.0, 9.0})
    for (const double second : {0.28, 0.5}) {
      const std::vector<Part> parts = {{0, 0, 1 - second}, {0.8 * apart, 0.6 * apart, second}};
      const StarSpread spread = spread_of(frame(0.8, 3, 150, parts), 3);  // fitted: one of the two
      EXPECT_NEAR(spread.width, true_width(3, parts), 0.05) << apart << " " << second;
      EXPECT_NEAR(spread.light, 0.8, 0.8 * 0.04) << apart << " " << second;
      EXPECT_TRUE(is_spread(spread) && is_doubled(spread)) << apart << " " << second;
    }
}

TEST(StarSpread, OfATrailIsLessThanTheFittedAxesSay) {
  std::vector<Part> parts;
  for (int i = 0; i < 21; ++i) parts.push_back({0.45 * (i - 10), 0, 1.0 / 21});
  StarSpread spread = spread_of(frame(1, 3, 100, parts), 5.6);  // geometric mean of the fitted axes
  EXPECT_NEAR(spread.width * 5.6 / 3, true_width(3, parts), 0.06);
  EXPECT_NEAR(spread.light, 1, 0.03);
  spread.error = 0.5;
  EXPECT_FALSE(is_spread(spread));
  spread.elongated = true;
  EXPECT_TRUE(is_spread(spread)) << "what most stars show needs no other proof";
  EXPECT_FALSE(is_doubled(spread));
}

TEST(StarSpread, IsTheMedianWithItsError) {
  StarLight light{{}, {1, 2, kNone, 3, 4, 5}, {1, 1, 1, 1, 1, 1}, 6};
  const StarLight reference{{}, {1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1}, 3};
  const StarSpread spread = star_spread(light, reference);
  EXPECT_DOUBLE_EQ(spread.width, 1.5) << "of 0.5 1 1.5 2 2.5, since the image is twice as wide";
  EXPECT_NEAR(spread.error, 1.2533 * 1.4826 * 0.5 / std::sqrt(5), 1e-12);
  EXPECT_DOUBLE_EQ(spread.light, 3);
  light.wide[0] = kNone;
  EXPECT_TRUE(std::isnan(star_spread(light, reference).width)) << "four";
  EXPECT_FALSE(is_spread(star_spread(light, reference)));
  EXPECT_FALSE(is_spread(star_spread({}, {})));
}

TEST(StarSpread, CountsBeyondAFactorAndThreeErrors) {
  EXPECT_FALSE(is_spread({1.14, 0, 1, false}));
  EXPECT_TRUE(is_doubled({1.16, 0, 1, false}));
  EXPECT_FALSE(is_spread({1.30, 0.101, 1, false}));
  EXPECT_TRUE(is_spread({1.30, 0.099, 1, false}));
  EXPECT_FALSE(is_spread({0.5, 0, 1, false})) << "nothing makes a round star narrower than it is fitted";
  EXPECT_TRUE(is_spread({0.5, 0.5, 1, true}));
  EXPECT_FALSE(is_spread({kNone, 0, kNone, true}));
}

// A reference in which a tenth of the frames is doubled is wider than it should be and has less of its light
// in narrow apertures; against it round frames are too narrow, all by the same.
TEST(StarSpread, IsOverThatOfMostFrames) {
  StarLight reference{{}, {10, 20}, {4, 5}, 3};
  std::vector<StarSpread> spreads(12, {0.9, 0.01, 1.2, false});
  spreads[2] = {1.2, 0.02, 1.2, false};
  for (std::size_t f = 6; f < 12; ++f) spreads[f] = {0.5, 0.02, 9, true};
  std::vector<double> narrow(12, 1);
  narrow[1] = 2;
  spreads[1].light = 2.4;
  make_typical(narrow, spreads, reference);
  EXPECT_DOUBLE_EQ(spreads[0].width, 1);
  EXPECT_DOUBLE_EQ(spreads[2].width, 1.2 / 0.9);
  EXPECT_DOUBLE_EQ(spreads[2].error, 0.02 / 0.9);
  EXPECT_DOUBLE_EQ(spreads[0].light, 1);
  EXPECT_DOUBLE_EQ(spreads[1].light, 2);
  // the same by measuring once more
  EXPECT_DOUBLE_EQ(reference.wide[1], 24);
  const double area = reference.wide[0] * reference.wide[0] / reference.squares[0], before = 10.0 * 10 / 4;
  EXPECT_DOUBLE_EQ(std::sqrt(area / before), 0.9);
  make_typical({}, spreads = {}, reference);
  EXPECT_DOUBLE_EQ(reference.wide[1], 24) << "no frame says what is typical";
}

// What a second look is spared must not be spread by its last digits.
TEST(StarSpread, WhatMayBeSpreadIsALittleMoreThanWhatIs) {
  const double nan = std::nan("");
  EXPECT_FALSE(is_spread({1.15 * (1 - 1e-9), 0, 1, false}));
  EXPECT_TRUE(may_be_spread({1.15 * (1 - 1e-9), 0, 1, false}));
  EXPECT_TRUE(may_be_spread({1.3, 0.1 * (1 + 1e-9), 1, false})) << "three errors";
  EXPECT_FALSE(may_be_spread({1.14, 0, 1, false}));
  EXPECT_TRUE(may_be_spread({1, 0.1, 1, true}));
  EXPECT_FALSE(may_be_spread({nan, 0, nan, true}));
}

}  // namespace
}  // namespace tilecompile
