#include "tilecompile/coadd/quality.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kFieldWidth = 192, kFieldHeight = 128;

struct Field {
  Plane<std::int32_t> coverage{kFieldWidth, kFieldHeight, 5};
  FrameMetrics metrics;
  Field() {
    for (int y = 24; y < kFieldHeight - 20; y += 26)
      for (int x = 24; x < kFieldWidth - 20; x += 28) metrics.stars.push_back({x + 0.25, y - 0.375});
    metrics.seeing_px = 3;
    metrics.star_radius_px = 8;
  }
  Plane<float> picture(double fwhm, double flux, double noise, unsigned seed) const {
    std::mt19937 rng(seed);
    std::normal_distribution<float> normal(1, static_cast<float>(noise));
    Plane<float> p(kFieldWidth, kFieldHeight);
    for (float& v : p.samples()) v = normal(rng);
    const double s = fwhm / 2.3548;
    for (const auto& star : metrics.stars)
      for (int y = 0; y < kFieldHeight; ++y)
        for (int x = 0; x < kFieldWidth; ++x)
          p.at(x, y) += static_cast<float>(
              flux / (6.2832 * s * s) *
              std::exp(-((x - star.x) * (x - star.x) + (y - star.y) * (y - star.y)) / (2 * s * s)));
    return p;
  }
};

TEST(ProductQuality, AgainstItselfNothingChanges) {
  const Field field;
  const auto p = field.picture(3, 20, 0.01, 1);
  const ProductQuality q = measure_quality(p, p, field.metrics, {&field.coverage, 5});
  EXPECT_EQ(q.star_count, static_cast<int>(field.metrics.stars.size()));
  EXPECT_NEAR(q.fwhm_px, 3, 0.05);
  EXPECT_GE(q.fwhm_p90_px, q.fwhm_px);
  EXPECT_EQ(q.fwhm_change_percent, 0);
  EXPECT_EQ(q.background_rms_change_percent, 0);
  EXPECT_EQ(q.flux_ratio, 1);
  EXPECT_EQ(q.flux_scatter_percent, 0);
}

TEST(ProductQuality, SeesSharperStarsAndLessNoiseAtEqualFlux) {
  const Field field;
  const auto classical = field.picture(3.6, 20, 0.02, 1);
  // Twice the flux and twice the noise of a picture with half of the noise: at equal flux it is 50 % less.
  const auto product = field.picture(3, 40, 0.02, 2);
  const ProductQuality q = measure_quality(product, classical, field.metrics, {&field.coverage, 1});
  EXPECT_NEAR(q.fwhm_change_percent, 100 * (3 / 3.6 - 1), 2);
  EXPECT_NEAR(q.flux_ratio, 2, 0.1);
  EXPECT_NEAR(q.background_rms_change_percent, -50, 5);
  EXPECT_LT(q.flux_scatter_percent, 10);
}

TEST(ProductQuality, StarsOutsideOfTheAreaTakeNoPart) {
  Field field;
  const auto p = field.picture(3, 20, 0.01, 1);
  const int all = measure_quality(p, p, field.metrics, {&field.coverage, 5}).star_count;
  for (int y = 0; y < kFieldHeight; ++y)
    for (int x = 0; x < kFieldWidth / 2; ++x) field.coverage.at(x, y) = 4;
  const int right = measure_quality(p, p, field.metrics, {&field.coverage, 5}).star_count;
  EXPECT_GT(right, 0);
  EXPECT_LT(right, all);
  EXPECT_EQ(measure_quality(p, p, field.metrics, {&field.coverage, 4}).star_count, all);
  const ProductQuality none = measure_quality(p, p, field.metrics, {&field.coverage, 6});
  EXPECT_EQ(none.star_count, 0);
  EXPECT_EQ(none.fwhm_px, 0);
  EXPECT_EQ(none.background_rms, 0);
  EXPECT_TRUE(std::isfinite(none.background_rms_change_percent));
}

TEST(BackgroundRms, OfPlainNoiseDespiteStars) {
  const Field field;
  EXPECT_NEAR(background_rms(field.picture(3, 20, 0.05, 3), {&field.coverage, 1}), 0.05, 0.005);
  EXPECT_EQ(background_rms(Plane<float>(kFieldWidth, kFieldHeight, 2.0f), {&field.coverage, 1}), 0);
}

}  // namespace
}  // namespace tilecompile
