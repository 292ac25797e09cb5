#include "tilecompile/frame/star_shape.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

struct Profile {
  const char* name;
  int beta;           // Moffat exponent; 0: Gaussian
  double axis_ratio;  // minor / major
  int subpixels;      // 1: sampled at pixel centres; more: integrated over the pixel
};

struct Scene {
  double fwhm = 3, x = 0, y = 0, peak = 1000, sky = 400;
  int radius = 8;  // the plane is the star's box
};

double radial(const Profile& profile, double q) {  // q = (2 r / FWHM)^2
  const double ln2 = 0.6931471805599453;
  if (profile.beta == 0) return exact_exp(-ln2 * q);
  return exact_exp(-profile.beta * exact_log(1 + q * (exact_exp(ln2 / profile.beta) - 1)));
}

Plane<float> render(const Profile& profile, const Scene& scene) {
  const int side = 2 * scene.radius + 1, n = profile.subpixels;
  const double major = scene.fwhm / std::sqrt(profile.axis_ratio), minor = scene.fwhm * scene.fwhm / major;
  const double cosine = 0.8, sine = 0.6;
  Plane<float> plane(side, side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      double sum = 0;
      for (int j = 0; j < n; ++j)
        for (int i = 0; i < n; ++i) {
          const double dx = x - scene.radius - scene.x + (i + 0.5) / n - 0.5;
          const double dy = y - scene.radius - scene.y + (j + 0.5) / n - 0.5;
          const double u = 2 * (dx * cosine + dy * sine) / major, v = 2 * (dy * cosine - dx * sine) / minor;
          sum += radial(profile, u * u + v * v);
        }
      plane.at(x, y) = static_cast<float>(scene.sky + scene.peak * sum / (n * n));
    }
  return plane;
}

void add_noise(Plane<float>& plane, double sd, std::mt19937_64& random) {
  for (float& sample : plane.samples()) {
    double sum = -6;  // twelve uniforms: the same in every standard library
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(random() >> 11) * 0x1p-53;
    sample += static_cast<float>(sd * sum);
  }
}

StarShape measure(const Plane<float>& plane) {
  const int radius = plane.width() / 2;
  return measure_star(plane.view(), radius, radius, radius);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Bias over 25 phases without noise, and scatter over 200 noisy stars of SNR 50.
struct Accuracy {
  double bias_median = 0, bias_worst = 0, ratio_worst = 0, noisy_bias = 0, scatter = 0, snr = 0;
  int lost = 0;
};

Accuracy accuracy(const Profile& profile, double fwhm, int radius) {
  const double expected = profile.subpixels > 1 ? std::sqrt(fwhm * fwhm + 8 * 0.6931471805599453 / 12) : fwhm;
  // noise of SNR 50: flux of the Gaussian core over the noise in its matched aperture
  const double noise = 1000 * std::sqrt(M_PI) * fwhm / 2.35482 / 50;
  std::mt19937_64 random(7);
  std::vector<double> biases, noisy, snrs;
  Accuracy result;
  for (int phase = 0; phase < 25; ++phase) {
    Scene scene{.fwhm = fwhm, .x = 0.2 * (phase % 5 - 2), .y = 0.2 * (phase / 5 - 2), .radius = radius};
    const Plane<float> clean = render(profile, scene);
    const StarShape star = measure(clean);
    if (!star.measured) {
      ++result.lost;
      continue;
    }
    biases.push_back(star.fwhm_px / expected - 1);
    result.bias_worst = std::max(result.bias_worst, std::abs(biases.back()));
    result.ratio_worst = std::max(result.ratio_worst, std::abs(star.axis_ratio / profile.axis_ratio - 1));
    for (int i = 0; i < 8; ++i) {
      Plane<float> plane = clean;
      add_noise(plane, noise, random);
      const StarShape seen = measure(plane);
      result.lost += seen.measured ? 0 : 1;
      if (!seen.measured) continue;
      noisy.push_back(seen.fwhm_px / expected);
      snrs.push_back(seen.snr);
    }
  }
  double sum = 0, square = 0;
  for (double value : noisy) sum += value;
  const double mean = sum / static_cast<double>(noisy.size());
  for (double value : noisy) square += (value - mean) * (value - mean);
  result.bias_median = median(biases);
  result.noisy_bias = median(noisy) - 1;
  result.scatter = std::sqrt(square / static_cast<double>(noisy.size() - 1));
  result.snr = median(snrs);
  return result;
}

const Profile kGaussian{"Gaussian", 0, 1.0, 1};
const Profile kMoffat{"Moffat 3", 3, 1.0, 1};

// scripts/fwhm-accuracy.sh shows this table.
TEST(StarShapeAccuracy, Table) {
  const Profile profiles[] = {
      kGaussian, {"Gaussian, axis ratio 0.6", 0, 0.6, 1}, {"Gaussian over pixels", 0, 1.0, 9},
      kMoffat,   {"Moffat 3, axis ratio 0.6", 3, 0.6, 1}, {"Moffat 3 over pixels", 3, 1.0, 9}};
  std::printf("%-25s %5s %4s %8s %8s %8s %8s %8s %6s %5s\n", "profile", "FWHM", "box", "median", "worst",
              "ratio", "median", "scatter", "SNR", "lost");
  std::printf("%-25s %5s %4s %26s %24s\n", "", "px", "px", "without noise, % of FWHM", "at SNR 50, %");
  for (const Profile& profile : profiles)
    for (double fwhm : {1.6, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0})
      for (double relative : {1.0, 0.6, 2.0}) {  // FWHM of the star over the one the box is made for
        const int radius = std::max(4, static_cast<int>(std::ceil(2.5 * fwhm / relative)));
        const Accuracy a = accuracy(profile, fwhm, radius);
        std::printf("%-25s %5.1f %4d %+8.2f %8.2f %8.2f %+8.2f %8.2f %6.1f %5d\n", profile.name, fwhm, radius,
                    100 * a.bias_median, 100 * a.bias_worst, 100 * a.ratio_worst, 100 * a.noisy_bias,
                    100 * a.scatter, a.snr, a.lost);
        SCOPED_TRACE(std::string(profile.name) + " " + std::to_string(fwhm) + " " + std::to_string(radius));
        EXPECT_LE(a.lost, 2);
        const bool gaussian = profile.beta == 0;
        EXPECT_LT(std::abs(a.bias_median), gaussian ? 0.02 : 0.06);
        // a Moffat star of 1.6 px has its core in so few pixels that the phase matters
        EXPECT_LT(a.bias_worst, gaussian ? 0.02 : fwhm < 2 ? 0.11 : 0.06);
        EXPECT_LT(a.ratio_worst, gaussian || fwhm > 2 ? 0.03 : 0.04);
        EXPECT_LT(std::abs(a.noisy_bias - a.bias_median), 0.03);
        EXPECT_LT(a.scatter, gaussian ? 0.05 : 0.06);
        EXPECT_NEAR(a.snr, 50, 7);
      }
}

TEST(StarShape, ReportsCentrePeakAndSky) {
  const Profile profile{"", 0, 0.7, 1};
  const StarShape star =
      measure(render(profile, {.fwhm = 3.3, .x = 0.31, .y = -0.44, .peak = 500, .sky = 1234}));
  ASSERT_TRUE(star.measured);
  EXPECT_NEAR(star.x, 8.31, 1e-3);
  EXPECT_NEAR(star.y, 7.56, 1e-3);
  EXPECT_NEAR(star.peak, 500, 0.1);
  EXPECT_NEAR(star.sky, 1234, 0.01);
  EXPECT_NEAR(star.axis_ratio, 0.7, 1e-3);
  EXPECT_EQ(star.ellipticity, 1 - star.axis_ratio);
}

TEST(StarShape, FindsTheStarFromAPositionThatIsOff) {
  const Plane<float> plane = render(kGaussian, {.fwhm = 2.2, .x = 0.9, .y = -0.8});
  const StarShape star = measure(plane);
  ASSERT_TRUE(star.measured);
  EXPECT_NEAR(star.fwhm_px, 2.2, 0.01);
  EXPECT_NEAR(star.x, 8.9, 0.01);
}

TEST(StarShape, AFaintNeighbourOrAHotPixelAtTheBorderDoesLittle) {
  for (double fwhm : {2.0, 3.2, 6.0}) {  // the box is made for 3.2
    Scene scene{.fwhm = fwhm};
    const Plane<float> clean = render(kGaussian, scene);
    Plane<float> hot = clean, crowded = clean;
    hot.at(2, 8) += 800;
    hot.at(15, 15) += 3000;
    scene.x = 7;
    scene.y = 2;
    scene.peak = 150;
    const Plane<float> neighbour = render(kGaussian, scene);
    for (std::size_t i = 0; i < crowded.size(); ++i) crowded.samples()[i] += neighbour.samples()[i] - 400;
    for (const auto& plane : {hot, crowded}) {
      const StarShape star = measure(plane);
      ASSERT_TRUE(star.measured) << fwhm;
      EXPECT_NEAR(star.fwhm_px / fwhm, 1.0, fwhm < 5 ? 0.01 : 0.1);
    }
  }
}

TEST(StarShape, WholeNumberCodesWithNoiseOfOneCode) {
  std::mt19937_64 random(3);
  std::vector<double> widths, snrs;
  for (int i = 0; i < 200; ++i) {
    Plane<float> plane = render(kGaussian, {.fwhm = 2.8, .x = 0.01 * (i % 50), .peak = 30, .radius = 7});
    add_noise(plane, 1.0, random);
    for (float& sample : plane.samples()) sample = std::round(sample);
    const StarShape star = measure(plane);
    ASSERT_TRUE(star.measured);
    widths.push_back(star.fwhm_px);
    snrs.push_back(star.snr);
  }
  EXPECT_NEAR(median(widths), 2.8, 0.03);
  EXPECT_NEAR(median(snrs), 60.8, 5);  // sqrt(pi) 30 sigma over sqrt(1 + 1/12)
}

TEST(StarShape, RefusesWhatIsNoStar) {
  const Plane<float> flat(17, 17, 400.0F);
  EXPECT_FALSE(measure(flat).measured);
  Plane<float> hot = flat;
  hot.at(8, 8) = 4000;
  EXPECT_FALSE(measure(hot).measured);
  EXPECT_FALSE(measure(render(kGaussian, {.peak = -300})).measured);
  EXPECT_FALSE(measure(render(kGaussian, {.x = 4.5})).measured);  // the centre is not where it should be
  EXPECT_FALSE(measure(render(kGaussian, {.fwhm = 40})).measured);
  std::mt19937_64 random(1);
  int found = 0;
  for (int i = 0; i < 1000; ++i) {
    Plane<float> noise = flat;
    add_noise(noise, 20, random);
    found += measure(noise).measured ? 1 : 0;
  }
  EXPECT_LT(found, 100);  // none of them near SNR 20
}

TEST(StarShape, NeedsTheWholeBoxValidAndInside) {
  const Plane<float> star = render(kGaussian, {});
  ASSERT_TRUE(measure(star).measured);
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Plane<float> plane = star;
    plane.at(16, 0) = bad;
    EXPECT_FALSE(measure(plane).measured);
    EXPECT_TRUE(measure_star(plane.view(), 8, 8, 7).measured);
  }
  const auto view = star.view();
  for (double x : {7.4, 8.6, -1e300, 1e300, std::nan("")})
    EXPECT_FALSE(measure_star(view, x, 8, 8).measured) << x;
  EXPECT_FALSE(measure_star(view, 8, 8, 0).measured);
  const StarShape none = measure_star(view, -3, 8, 8);
  EXPECT_EQ(none.fwhm_px, 0);
  EXPECT_EQ(none.snr, 0);
}

TEST(StarShape, AThinTrailInALargeBoxGivesFiniteNumbers) {
  for (double ratio : {0.02, 0.05, 0.2}) {
    const Profile trail{"", 0, ratio, 1};
    const StarShape star = measure(render(trail, {.fwhm = 5, .x = 0.2, .radius = 64}));
    EXPECT_TRUE(std::isfinite(star.fwhm_px) && std::isfinite(star.snr)) << ratio;
    if (star.measured) {
      EXPECT_NEAR(star.axis_ratio / ratio, 1, 0.03);
    }
  }
}

TEST(StarShape, LargeBoxesAreCutDown) {
  EXPECT_NEAR(measure(render(kGaussian, {.fwhm = 20, .x = 0.3, .radius = 70})).fwhm_px, 20, 0.01);
}

TEST(StarShape, SameBitsWhereverTheBoxLies) {
  const Plane<float> star = render(kMoffat, {.x = 0.3, .y = 0.1});
  Plane<float> wide(40, 31, 12.0F);
  for (int y = 0; y < 17; ++y)
    for (int x = 0; x < 17; ++x) wide.at(x + 11, y + 5) = star.at(x, y);
  const StarShape a = measure(star), b = measure_star(wide.view(), 19, 13, 8);
  ASSERT_TRUE(a.measured);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a.fwhm_px), std::bit_cast<std::uint64_t>(b.fwhm_px));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a.snr), std::bit_cast<std::uint64_t>(b.snr));
}

// Everything that 60 stars give, mixed.
std::uint64_t bits_of_stars() {
  std::mt19937_64 random(11);
  std::uint64_t mixed = 0;
  for (int i = 0; i < 60; ++i) {
    Plane<float> plane =
        render({"", i % 2 == 0 ? 0 : 3, 1 - 0.005 * i, 1},
               {.fwhm = 1.8 + 0.1 * i, .x = 0.016 * (i - 30), .y = 0.2, .radius = 6 + i % 13});
    add_noise(plane, 10, random);
    const StarShape star = measure(plane);
    EXPECT_TRUE(star.measured) << i;
    for (double value : {star.fwhm_px, star.axis_ratio, star.peak, star.sky, star.snr, star.x, star.y})
      mixed = (mixed ^ std::bit_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15ULL;
  }
  return mixed;
}

TEST(StarShape, SameBitsOnEveryPlatformAndAtEveryVectorLevel) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    EXPECT_EQ(bits_of_stars(), 2974601373926379392ULL);
  }
  set_vector_level(widest_vector_level());
}

TEST(StarShapeAccuracy, Speed) {
  std::mt19937_64 random(5);
  std::vector<Plane<float>> stars;
  for (int i = 0; i < 100; ++i) {
    stars.push_back(render({"", 3, 0.9, 1}, {.fwhm = 3.2, .x = 0.01 * (i - 50), .y = 0.3}));
    add_noise(stars.back(), 15, random);
  }
  const auto start = std::chrono::steady_clock::now();
  double sum = 0;
  for (int round = 0; round < 20; ++round)
    for (const auto& star : stars) sum += measure(star).fwhm_px;
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  std::printf("%.1f microseconds a star in a box of radius 8\n", spent.count() / 2000);
  EXPECT_NEAR(sum / 2000, 3.25, 0.05);
}

}  // namespace
}  // namespace tilecompile
