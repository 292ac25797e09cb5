#include "tilecompile/image/smoothing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace tilecompile {
namespace {

Plane<double> random_plane(int width, int height) {
  std::mt19937 rng(3);
  std::uniform_real_distribution<double> any(-1, 1);
  Plane<double> p(width, height);
  for (double& v : p.samples()) v = any(rng);
  return p;
}

TEST(GaussianSmooth, AgreesWithTheTwoDimensionalSum) {
  const Plane<double> p = random_plane(23, 11);
  for (const double sigma : {0.5, 1.0, 2.3}) {
    const Plane<double> smooth = gaussian_smooth(p, sigma);
    const int radius = static_cast<int>(std::ceil(3 * sigma));
    for (int y = 0; y < 11; ++y)
      for (int x = 0; x < 23; ++x) {
        double sum = 0, weight = 0;
        for (int j = std::max(0, y - radius); j <= std::min(10, y + radius); ++j)
          for (int i = std::max(0, x - radius); i <= std::min(22, x + radius); ++i) {
            const double w = std::exp(-0.5 * ((i - x) * (i - x) + (j - y) * (j - y)) / (sigma * sigma));
            sum += w * p.at(i, j);
            weight += w;
          }
        ASSERT_NEAR(smooth.at(x, y), sum / weight, 1e-12) << sigma << " " << x << " " << y;
      }
  }
}

TEST(GaussianSmooth, KeepsAConstant) {
  const Plane<double> smooth = gaussian_smooth(Plane<double>(7, 5, 3.25), 1);
  for (const double v : smooth.samples()) EXPECT_NEAR(v, 3.25, 1e-14);
}

TEST(MaximumFilter, TakesTheLargestOfTheSquare) {
  const Plane<double> p = random_plane(19, 8);
  for (const int radius : {1, 2, 30}) {
    const Plane<double> largest = maximum_filter(p, radius);
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 19; ++x) {
        double expected = -2;
        for (int j = std::max(0, y - radius); j <= std::min(7, y + radius); ++j)
          for (int i = std::max(0, x - radius); i <= std::min(18, x + radius); ++i)
            expected = std::max(expected, p.at(i, j));
        ASSERT_EQ(largest.at(x, y), expected);
      }
  }
}

}  // namespace
}  // namespace tilecompile
