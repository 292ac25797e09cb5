#include "tilecompile/image/exact_math.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

TEST(ExactMath, ExpAgreesWithTheLibraryTo1e15) {
  for (int i = -70000; i <= 70000; ++i) {
    const double x = i * 0.01 + i * 1e-7;
    EXPECT_NEAR(exact_exp(x) / std::exp(x), 1.0, 1e-15) << x;
  }
}

TEST(ExactMath, ExpSpecialValues) {
  EXPECT_EQ(exact_exp(0.0), 1.0);
  EXPECT_EQ(exact_exp(1000.0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(exact_exp(-1000.0), 0.0);
  EXPECT_GT(exact_exp(-740.0), 0.0);
  EXPECT_TRUE(std::isnan(exact_exp(std::nan(""))));
}

TEST(ExactMath, ManyExpsHaveTheBitsOfEach) {
  const double kInfinity = std::numeric_limits<double>::infinity();
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    for (const std::vector<double>& values : {std::vector<double>{0.0, -0.0, 1e-300, 0.34657, -0.34658, 1, -1,
                                                                  0.5, 12.3, -700, 700, 699.9, -3.25e-9},
                                              {-700.1, 1, 2},
                                              {709.7, -745.1, 3, -740, 710, -746},
                                              {kInfinity, -kInfinity, std::nan(""), -2},
                                              {5},
                                              {}}) {
      std::vector<double> found = values;
      exact_exps(found.data(), static_cast<int>(found.size()));
      for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(std::bit_cast<std::uint64_t>(found[i]), std::bit_cast<std::uint64_t>(exact_exp(values[i])))
            << values[i];
    }
  }
  set_vector_level(widest_vector_level());
}

TEST(ExactMath, LogAgreesWithTheLibrary) {
  for (double x = 1e-300; x < 1e300; x *= 1.0371) {
    const double expected = std::log(x);
    EXPECT_NEAR(exact_log(x), expected, 1e-15 * std::abs(expected) + 2e-16) << x;
  }
  for (int i = 1; i < 4000; ++i) {
    const double x = i / 1000.0;
    EXPECT_NEAR(exact_log(x), std::log(x), 1e-15 * std::abs(std::log(x)) + 1e-16) << x;
  }
}

TEST(ExactMath, LogSpecialValues) {
  EXPECT_EQ(exact_log(1.0), 0.0);
  EXPECT_EQ(exact_log(0.0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(exact_log(-1.0)));
  EXPECT_NEAR(exact_log(5e-324), std::log(5e-324), 1e-12);
}

TEST(ExactMath, CosOfTurns) {
  for (int i = -3000; i <= 3000; ++i) {
    const double turns = i / 777.0;
    EXPECT_NEAR(exact_cos_turns(turns), std::cos(2 * M_PI * turns), 4e-15) << turns;
  }
  EXPECT_EQ(exact_cos_turns(0.25), 0.0);
  EXPECT_EQ(exact_cos_turns(0.5), -1.0);
}

TEST(ExactMath, HannWindowIsSymmetricPositiveAndSumsToOneAtHalfOverlap) {
  for (int n : {2, 3, 17, 64, 97}) {
    const auto w = hann_window(n);
    ASSERT_EQ(w.size(), static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
      EXPECT_GT(w[static_cast<std::size_t>(i)], 0.0);
      EXPECT_NEAR(w[static_cast<std::size_t>(i)], w[static_cast<std::size_t>(n - 1 - i)], 1e-15);
    }
  }
  const auto w = hann_window(64);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(w[i] + w[i + 32], 1.0, 1e-15);
}

// The very bits, which have to be the same on every machine and in every version.
TEST(ExactMath, EveryBitIsFixed) {
  std::uint64_t sum = 0;
  const auto add = [&](double v) { sum = mix_bits(sum + std::bit_cast<std::uint64_t>(v)); };
  for (int i = -4000; i <= 4000; ++i) {
    add(exact_exp(i * 0.1773));
    add(exact_log(i * i * 0.0371 + 1e-9));
    add(exact_cos_turns(i / 1777.0));
  }
  for (const int n : {2, 17, 64, 97})
    for (const double w : hann_window(n)) add(w);
  EXPECT_EQ(sum, 0xe0519e36b5a13e6du);
}

}  // namespace
}  // namespace tilecompile
