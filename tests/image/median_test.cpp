#include "tilecompile/image/median.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "naive_median.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

TEST(Median, ZScoresOfEqualValuesAreZero) {
  for (double z : z_scores({2, 2, 2, 2})) EXPECT_EQ(z, 0);
  const auto z = z_scores({1, 2, 3, 4, 5});
  EXPECT_NEAR(z[4], 2 / 1.4826, 1e-15);
  EXPECT_EQ(z[2], 0);
}

// Where the samples that guess the borders are no borders, of neighbouring doubles and of infinite ones.
TEST(Median, IsRightWhereEveryGuessIsOneSided) {
  for (const auto& [few, many] :
       {std::pair{std::nextafter(1.0, 0.0), 1.0}, std::pair{1.0, std::nextafter(1.0, 2.0)},
        std::pair{3.0, HUGE_VAL}, std::pair{-HUGE_VAL, 3.0}, std::pair{7.0, -HUGE_VAL},
        std::pair{1.0, 2.0}}) {
    for (const std::size_t n : {100, 101, 1000}) {
      std::vector<double> values(n, many);
      for (std::size_t i = 0; i < 9; ++i) values[(2 * i + 1) * n / 18] = few;
      for (std::size_t i = 0, left = n * 2 / 5 - 9; left > 0; ++i)
        if (values[i] != few) {
          values[i] = few;
          --left;
        }
      EXPECT_EQ(median(values), many) << few << " among " << n << " of " << many;
      for (double& v : values) v = v == few ? many : few;
      EXPECT_EQ(median(values), few);
    }
  }
}

TEST(Median, IsThatOfSortedValuesWhateverTheirOrderAndSpread) {
  std::mt19937_64 rng(5);
  const auto uniform = [&] { return static_cast<double>(rng() >> 11) * 0x1p-53; };
  const std::vector<std::function<double(std::size_t)>> kinds = {
      [&](std::size_t) { return uniform(); },
      [&](std::size_t) { return std::floor(uniform() * 5); },
      [&](std::size_t) { return std::floor(uniform() * 300) - 150; },
      [&](std::size_t i) { return i % 2 == 0 ? 1e-30 * static_cast<double>(i) : 5.0; },
      [&](std::size_t) { return uniform() < 0.99 ? 7.0 : 1e300 * (uniform() - 0.5); },
      [&](std::size_t) { return uniform() < 0.5 ? -INFINITY : INFINITY; },
      [&](std::size_t) { return 1 / (uniform() * uniform() * uniform() + 1e-200); },
      [&](std::size_t i) { return static_cast<double>(i); },
      [&](std::size_t i) { return -static_cast<double>(i % 64); },
      [&](std::size_t) { return 3.5; }};
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    set_vector_level(level);
    for (std::size_t kind = 0; kind < kinds.size(); ++kind)
      for (const std::size_t n : {1, 2, 3, 63, 64, 65, 66, 100, 999, 1000, 10001}) {
        std::vector<double> values;
        for (std::size_t i = 0; i < n; ++i) values.push_back(kinds[kind](i));
        const double expected = naive_median(values);
        if (expected != expected) continue;  // between the infinities
        std::vector<float> floats(values.begin(), values.end());
        ASSERT_EQ(median_of_few(floats), naive_median({floats.begin(), floats.end()}))
            << "floats, kind " << kind << ", " << n << " values";
        ASSERT_EQ(median_in_place(values), expected) << "kind " << kind << ", " << n << " values";
      }
  }
  set_vector_level(widest_vector_level());
}

TEST(Median, ValueOfARankIsThatOfSortedValues) {
  std::mt19937 random(5);
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    set_vector_level(level);
    for (const unsigned spread : {1u, 7u, 100000u})
      for (const std::size_t n : {1, 2, 63, 64, 65, 136, 999}) {
        std::vector<double> values;
        for (std::size_t i = 0; i < n; ++i) values.push_back(static_cast<double>(random() % spread) - 3);
        std::vector<double> ordered = values;
        std::sort(ordered.begin(), ordered.end());
        for (std::size_t k = 0; k < n; ++k) {
          std::vector<double> copy = values;
          ASSERT_EQ(value_of_rank(copy, k), ordered[k]) << "rank " << k << " of " << n << ", " << spread;
        }
      }
  }
  set_vector_level(widest_vector_level());
}

}  // namespace
}  // namespace tilecompile
