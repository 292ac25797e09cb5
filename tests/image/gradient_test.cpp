#include "tilecompile/image/gradient.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

GradientEnergy naive(const Plane<float>& p) {
  double sum = 0;
  std::uint64_t n = 0;
  for (int y = 1; y + 1 < p.height(); ++y)
    for (int x = 1; x + 1 < p.width(); ++x) {
      bool valid = true;
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) valid = valid && !std::isnan(p.at(x + dx, y + dy));
      if (!valid) continue;
      double gx = 0, gy = 0;
      for (int d = -1; d <= 1; ++d) {
        const double w = d == 0 ? 2 : 1;
        gx += w * (static_cast<double>(p.at(x + 1, y + d)) - p.at(x - 1, y + d)) / 8;
        gy += w * (static_cast<double>(p.at(x + d, y + 1)) - p.at(x + d, y - 1)) / 8;
      }
      sum += gx * gx + gy * gy;
      ++n;
    }
  return {n == 0 ? 0 : sum / static_cast<double>(n), n};
}

TEST(Gradient, AgreesWithTheNaiveTextForAwkwardShapes) {
  std::mt19937 rng(3);
  std::normal_distribution<float> noise(10, 2);
  std::uniform_real_distribution<float> uniform(0, 1);
  for (auto [w, h] : {std::pair(40, 23),
                      {23, 40},
                      {3, 3},
                      {10, 3},
                      {9, 9},
                      {11, 4},
                      {17, 5},
                      {2, 9},
                      {1, 1},
                      {66, 7},
                      {67, 4},
                      {131, 6},
                      {203, 9}}) {
    Plane<float> p(w, h);
    for (float& v : p.samples()) v = uniform(rng) < 0.03f ? std::nanf("") : noise(rng);
    const GradientEnergy a = gradient_energy(p.view()), b = naive(p);
    EXPECT_EQ(a.pixels, b.pixels) << w << "x" << h;
    EXPECT_NEAR(a.mean, b.mean, 1e-13 * b.mean) << w << "x" << h;
  }
}

TEST(Gradient, HasTheSameBitsAtEveryVectorLevel) {
  std::mt19937 rng(4);
  std::normal_distribution<float> noise(10, 2);
  Plane<float> p(203, 31);
  for (float& v : p.samples()) v = rng() % 40 == 0 ? std::nanf("") : noise(rng);
  set_vector_level(VectorLevel::kBaseline);
  const GradientEnergy expected = gradient_energy(p.view());
  for (const VectorLevel level : {VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    set_vector_level(level);
    const GradientEnergy found = gradient_energy(p.view());
    EXPECT_EQ(found.mean, expected.mean);
    EXPECT_EQ(found.pixels, expected.pixels);
  }
  set_vector_level(widest_vector_level());
}

// Stars at the largest whole number there may be, borders and single samples that are not valid.
TEST(Gradient, WholeNumbersHaveTheSameBitsInFloats) {
  std::mt19937 rng(5);
  std::normal_distribution<float> noise(1000, 30);
  constexpr float kLargest = 1 << 20;
  for (auto [w, h] : {std::pair(64, 64),
                      {257, 9},
                      {258, 5},
                      {259, 40},
                      {600, 31},
                      {10, 3},
                      {9, 9},
                      {3, 3},
                      {2, 9},
                      {1, 1}}) {
    Plane<float> p(w, h);
    for (float& v : p.samples()) {
      v = std::round(noise(rng));
      if (rng() % 20 == 0) v = rng() % 2 == 0 ? kLargest : -kLargest;
      if (rng() % 40 == 0) v = std::nanf("");
    }
    for (int y = 0; y < h; ++y) p.at(0, y) = std::nanf("");
    const GradientEnergy expected = gradient_energy(p.view());
    for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
      if (level > widest_vector_level()) continue;
      set_vector_level(level);
      const GradientEnergy found = gradient_energy(p.view(), true);
      EXPECT_EQ(found.mean, expected.mean) << w << "x" << h;
      EXPECT_EQ(found.pixels, expected.pixels) << w << "x" << h;
    }
    set_vector_level(widest_vector_level());
  }
}

TEST(Gradient, RampHasItsSlopeSquared) {
  Plane<float> p(12, 7);
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 12; ++x) p.at(x, y) = static_cast<float>(3 * x + 4 * y);
  EXPECT_DOUBLE_EQ(gradient_energy(p.view()).mean, 25);
}

TEST(Gradient, AnInvalidCentreCountsOutItsPixel) {
  Plane<float> p(5, 5, 1.0f);
  p.at(2, 2) = std::nanf("");
  EXPECT_EQ(gradient_energy(p.view()).pixels, 0u);
}

}  // namespace
}  // namespace tilecompile
