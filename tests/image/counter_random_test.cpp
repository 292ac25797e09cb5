#include "tilecompile/image/counter_random.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(CounterRandom, DependsOnSeedStreamAndCounterAlone) {
  const CounterRandom a(1, 2, 3);
  EXPECT_EQ(a.bits(7), CounterRandom(1, 2, 3).bits(7));
  EXPECT_NE(a.bits(7), a.bits(8));
  EXPECT_NE(a.bits(7), CounterRandom(2, 2, 3).bits(7));
  EXPECT_NE(a.bits(7), CounterRandom(1, 3, 3).bits(7));
  EXPECT_NE(a.bits(7), CounterRandom(1, 2, 4).bits(7));
  EXPECT_EQ(CounterRandom(1).bits(0), CounterRandom(1, 0, 0).bits(0));
}

TEST(CounterRandom, UniformIsEven) {
  const CounterRandom random(5);
  int counts[10] = {};
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const double u = random.uniform(i);
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<int>(10 * u)];
  }
  for (int count : counts) EXPECT_NEAR(count, 10000, 400);
}

TEST(CounterRandom, QuantilesOfTheNormalDistribution) {
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-8);
  EXPECT_NEAR(normal_quantile(0.025), -1.959963984540054, 1e-8);
  EXPECT_NEAR(normal_quantile(0.99), 2.3263478740408408, 1e-8);
  EXPECT_NEAR(normal_quantile(1e-9), -5.997807015007687, 1e-7);
}

TEST(CounterRandom, GaussianMoments) {
  const CounterRandom random(9, 1);
  double sum = 0, square = 0, fourth = 0;
  const int n = 200000;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double g = random.gaussian(i);
    sum += g;
    square += g * g;
    fourth += g * g * g * g;
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(square / n, 1, 0.015);
  EXPECT_NEAR(fourth / n, 3, 0.12);
}

TEST(CounterRandom, PoissonMeanAndVariance) {
  const CounterRandom random(4);
  for (double mean : {0.0, 0.3, 3.0, 40.0, 900.0}) {
    double sum = 0, square = 0;
    const int n = 50000;
    for (std::uint64_t i = 0; i < n; ++i) {
      const double k = random.poisson(i, mean);
      sum += k;
      square += (k - mean) * (k - mean);
    }
    EXPECT_NEAR(sum / n, mean, 0.03 * std::sqrt(mean));
    EXPECT_NEAR(square / n, mean, 0.04 * mean);
  }
}

}  // namespace
}  // namespace tilecompile
