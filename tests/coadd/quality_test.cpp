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

ProductQuality quality_of(const Plane<float>& product, const Plane<float>& plain_mean, const Field& field,
                          int min_coverage) {
  const auto sky = sky_mask(plain_mean, field.metrics.seeing_px);
  return compare_figures(measure_picture(product, sky, field.metrics),
                         measure_picture(plain_mean, sky, field.metrics), field.metrics,
                         {&field.coverage, min_coverage});
}

TEST(ProductQuality, AgainstItselfNothingChanges) {
  const Field field;
  const auto p = field.picture(3, 20, 0.01, 1);
  const ProductQuality q = quality_of(p, p, field, 5);
  EXPECT_EQ(q.star_count, static_cast<int>(field.metrics.stars.size()));
  EXPECT_NEAR(q.fwhm_px, 3, 0.05);
  EXPECT_EQ(q.plain_fwhm_px, q.fwhm_px);
  EXPECT_GE(q.fwhm_p90_px, q.fwhm_px);
  EXPECT_EQ(q.fwhm_change_percent, 0);
  EXPECT_EQ(q.fwhm_change_uncertainty_percent, 0);
  EXPECT_EQ(q.flux_star_count, (q.star_count + 1) / 2);
  EXPECT_EQ(q.flux_ratio, 1);
  EXPECT_EQ(q.flux_scatter_percent, 0);
  EXPECT_GT(q.sky_cell_count, 3);
  EXPECT_EQ(q.plain_rms, q.background_rms);
  EXPECT_EQ(q.background_rms_change_percent, 0);
  EXPECT_EQ(q.background_rms_change_uncertainty_percent, 0);
}

TEST(ProductQuality, SeesSharperStarsAndLessNoiseAtEqualFlux) {
  const Field field;
  const auto plain_mean = field.picture(3.6, 20, 0.02, 1);
  // Twice the flux and twice the noise of a picture with half of the noise: at equal flux it is 50 % less.
  const auto product = field.picture(3, 40, 0.02, 2);
  const ProductQuality q = quality_of(product, plain_mean, field, 1);
  EXPECT_NEAR(q.fwhm_change_percent, 100 * (3 / 3.6 - 1), 2);
  EXPECT_NEAR(q.flux_ratio, 2, 0.1);
  EXPECT_NEAR(q.background_rms_change_percent, -50, 5);
  EXPECT_NEAR(q.equal_flux_rms / q.plain_rms, 1 + q.background_rms_change_percent / 100, 1e-12);
  EXPECT_LT(q.flux_scatter_percent, 20);
}

// The same noise under Moffat stars (beta 3) of the same flux: an aperture of 1.5 F loses more of the wide
// star than of the sharp one, and would call the sharp picture 9 % quieter.
TEST(ProductQuality, SharpeningAloneIsNoLessNoise) {
  const Field field;
  const auto moffat_stars = [&](double fwhm) {
    Plane<float> p = field.picture(3, 0, 0.01, 1);
    const double alpha2 = fwhm * fwhm / (4 * (std::cbrt(2.0) - 1));
    for (const auto& star : field.metrics.stars)
      for (int y = 0; y < kFieldHeight; ++y)
        for (int x = 0; x < kFieldWidth; ++x) {
          const double r2 = (x - star.x) * (x - star.x) + (y - star.y) * (y - star.y);
          p.at(x, y) += static_cast<float>(50 * 2 / (3.14159265 * alpha2) * std::pow(1 + r2 / alpha2, -3));
        }
    return p;
  };
  const ProductQuality q = quality_of(moffat_stars(2.7), moffat_stars(3.6), field, 1);
  EXPECT_NEAR(q.fwhm_change_percent, -25, 2);
  EXPECT_NEAR(q.flux_ratio, 1, 0.02);
  EXPECT_NEAR(q.background_rms_change_percent, 0, 2);
}

// A crowd of faint stars, sharper in the product, on 20 % more noise: with the stars in it would look like 16
// %.
TEST(ProductQuality, ObjectsAreNoNoise) {
  Field field;
  const std::vector<ReferenceStar> bright = field.metrics.stars;
  field.metrics.stars.clear();
  for (int y = 4; y < kFieldHeight; y += 13)
    for (int x = 4; x < kFieldWidth; x += 13) field.metrics.stars.push_back({x + 0.25, y - 0.375});
  const Plane<float> product = field.picture(2.5, 0.5, 0.012, 1), plain_mean = field.picture(3, 0.5, 0.01, 2);
  field.metrics.stars = bright;
  const ProductQuality q = quality_of(product, plain_mean, field, 1);
  EXPECT_GT(q.sky_cell_count, 10);
  EXPECT_NEAR(q.background_rms, 0.012, 0.0006);
  EXPECT_NEAR(q.plain_rms, 0.01, 0.0005);
}

TEST(ProductQuality, UncertaintiesHoldTheTruthAsOftenAsTheySay) {
  const Field field;
  int fwhm_held = 0, noise_held = 0;
  constexpr int kTries = 40;
  for (unsigned seed = 1; seed <= kTries; ++seed) {
    const auto plain_mean = field.picture(3.3, 8, 0.02, 2 * seed),
               product = field.picture(3, 8, 0.02, 2 * seed + 1);
    const ProductQuality q = quality_of(product, plain_mean, field, 1);
    fwhm_held +=
        std::abs(q.fwhm_change_percent - 100 * (3 / 3.3 - 1)) <= q.fwhm_change_uncertainty_percent ? 1 : 0;
    noise_held +=
        std::abs(q.background_rms_change_percent) <= q.background_rms_change_uncertainty_percent ? 1 : 0;
  }
  EXPECT_GE(fwhm_held, 0.8 * kTries);
  EXPECT_GE(noise_held, 0.8 * kTries);
  EXPECT_LT(fwhm_held + noise_held, 2 * kTries) << "larger than they need to be";
}

TEST(ProductQuality, StarsOutsideOfTheAreaTakeNoPart) {
  Field field;
  const auto p = field.picture(3, 20, 0.01, 1);
  const int all = quality_of(p, p, field, 5).star_count;
  for (int y = 0; y < kFieldHeight; ++y)
    for (int x = 0; x < kFieldWidth / 2; ++x) field.coverage.at(x, y) = 4;
  const int right = quality_of(p, p, field, 5).star_count;
  EXPECT_GT(right, 0);
  EXPECT_LT(right, all);
  EXPECT_EQ(quality_of(p, p, field, 4).star_count, all);
  const ProductQuality none = quality_of(p, p, field, 6);
  EXPECT_EQ(none.star_count, 0);
  EXPECT_EQ(none.fwhm_px, 0);
  EXPECT_EQ(none.sky_cell_count, 0);
  EXPECT_EQ(none.background_rms, 0);
  EXPECT_EQ(none.background_rms_change_percent, 0);
  EXPECT_TRUE(std::isnan(none.fwhm_change_uncertainty_percent));
  EXPECT_TRUE(std::isnan(none.background_rms_change_uncertainty_percent));
}

TEST(ProductQuality, WithFewerThanThreeStarsNoiseIsComparedAsItIs) {
  Field field;
  field.metrics.stars.resize(2);
  const ProductQuality q = quality_of(field.picture(3, 40, 0.02, 1), field.picture(3, 20, 0.01, 2), field, 1);
  EXPECT_EQ(q.star_count, 2);
  EXPECT_EQ(q.flux_star_count, 0);
  EXPECT_EQ(q.flux_ratio, 1);
  EXPECT_TRUE(std::isnan(q.fwhm_change_uncertainty_percent));
  EXPECT_NEAR(q.background_rms_change_percent, 100, 10);
  EXPECT_GT(q.background_rms_change_uncertainty_percent, 0);
}

TEST(SkyMask, LeavesOutObjectsAndTheirSurroundingsAndPixelsWithoutData) {
  Field field;
  field.metrics.stars = {{60, 50}};
  Plane<float> p = field.picture(3, 20, 0.01, 4);
  p.at(150, 100) = std::nanf("");
  const auto sky = sky_mask(p, 3);
  EXPECT_EQ(sky.at(60, 50), 0);
  EXPECT_EQ(sky.at(65, 50), 0);
  EXPECT_EQ(sky.at(150, 100), 0);
  EXPECT_EQ(sky.at(151, 100), 1) << "a hole is no object";
  std::size_t kept = 0;
  for (const auto s : sky.samples()) kept += s;
  EXPECT_GT(kept, 0.9 * kFieldWidth * kFieldHeight);
  EXPECT_LT(kept, static_cast<std::size_t>(kFieldWidth) * kFieldHeight);
}

TEST(SkyNoise, IsTheScaleOfTheSkyInCellsThatHoldEnoughOfIt) {
  const Field field;
  const Plane<std::uint8_t> all(kFieldWidth, kFieldHeight, 1);
  Plane<std::uint8_t> some = all;
  const Plane<float> noisy = field.picture(3, 0, 0.05, 3);
  EXPECT_EQ(sky_noise(noisy, all).size(), 24u);
  for (const double scale : sky_noise(noisy, all)) EXPECT_NEAR(scale, 0.05, 0.006);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x) some.at(x, y) = y < 8;
  EXPECT_NEAR(sky_noise(noisy, some).front(), 0.05, 0.01);
  some.at(31, 7) = 0;
  EXPECT_TRUE(std::isnan(sky_noise(noisy, some).front())) << "255 pixels are too few";
  EXPECT_FALSE(std::isnan(sky_noise(noisy, some)[1]));
  for (const double scale : sky_noise(Plane<float>(kFieldWidth, kFieldHeight, 2.0F), all))
    EXPECT_EQ(scale, 0);
}

TEST(MedianUncertainty, IsTwoStandardErrors) {
  EXPECT_TRUE(std::isnan(median_uncertainty({1, 2})));
  EXPECT_NEAR(median_uncertainty({1, 2, 3, 4, 5}), 2 * 1.2533 * 1.4826 / std::sqrt(5), 1e-12);
}

}  // namespace
}  // namespace tilecompile
