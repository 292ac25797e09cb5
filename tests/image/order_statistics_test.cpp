#include "tilecompile/image/order_statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <utility>

#include "naive_median.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// The text of the method, written down with sorted vectors and no care for speed.
Clipped naive_clip(std::vector<double> x, double q) {
  for (int round = 0; round < 10; ++round) {
    const double m = naive_median(x);
    std::vector<double> d;
    for (double v : x) d.push_back(std::abs(v - m));
    const double s = std::max(1.4826 * naive_median(d), q);
    if (s == 0) break;
    std::vector<double> kept;
    for (double v : x)
      if (std::abs(v - m) <= 3 * s) kept.push_back(v);
    if (kept.size() == x.size()) break;
    x = kept;
  }
  Clipped c;
  c.kept = x.size();
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  c.location = naive_median(x);
  if (q > 0) {
    const double code = x[x.size() / 2];
    double below = 0, at = 0;
    for (double v : x) {
      below += v < code ? 1 : 0;
      at += v == code ? 1 : 0;
    }
    c.location = code + q * ((n / 2 - below) / at - 0.5);
  }
  double sum = 0, squares = 0;
  for (double v : x) sum += v;
  for (double v : x) squares += (v - sum / n) * (v - sum / n);
  c.scale = std::sqrt(squares / n) / 0.98658;
  return c;
}

Plane<float> random_plane(int w, int h, unsigned seed, double scale, bool integers, double invalid_share) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> noise(100, scale);
  std::uniform_real_distribution<double> uniform(0, 1);
  Plane<float> plane(w, h);
  for (float& v : plane.samples()) {
    double x = noise(rng);
    if (uniform(rng) < 0.05) x += 50 * uniform(rng) * scale;
    v = static_cast<float>(integers ? std::round(x) : x);
    if (uniform(rng) < invalid_share) v = std::nanf("");
  }
  return plane;
}

std::vector<double> valid_samples(const Plane<float>& plane) {
  std::vector<double> v;
  for (float s : plane.samples())
    if (s == s) v.push_back(s);
  return v;
}

TEST(OrderStatistics, MedianOfOddAndEvenCounts) {
  EXPECT_EQ(median(std::vector<double>{}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(OrderStatistics, ClipAgreesWithTheNaiveText) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const bool integers = seed % 2 == 0;
    const double scale = seed % 4 < 2 ? 1.0 : 20.0, q = integers ? 1 : 0;
    const int w = 40 + static_cast<int>(seed % 3), h = 23;
    const Plane<float> plane = random_plane(w, h, seed, scale, integers, seed % 5 == 0 ? 0.4 : 0.0);
    Distribution d;
    d.assign(plane.view(), q);
    const Clipped fast = clip(d, q), slow = naive_clip(valid_samples(plane), q);
    EXPECT_EQ(fast.kept, slow.kept) << seed;
    EXPECT_EQ(fast.location, slow.location) << seed;
    EXPECT_NEAR(fast.scale, slow.scale, 1e-12 * slow.scale) << seed;
    EXPECT_EQ(d.median(), naive_median(valid_samples(plane))) << seed;
  }
}

TEST(OrderStatistics, CountingAndSortingGiveTheSameBits) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Plane<float> plane = random_plane(61, 37, seed, 5, true, 0.1);
    Distribution counted, sorted;
    counted.assign(plane.view(), 1);
    sorted.assign(plane.view(), 0);
    EXPECT_EQ(counted.count(), sorted.count());
    const Clipped a = clip(counted, 1), b = clip(sorted, 1);
    EXPECT_EQ(a.location, b.location);
    EXPECT_EQ(a.scale, b.scale);
  }
}

// Rows of every length around that of the blocks in which they are taken, inside of wider ones; what is not
// valid lies where the last block of a row overlaps the one before, and behind.
TEST(OrderStatistics, RowsOfAnyLengthAtEveryVectorLevel) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > widest_vector_level()) continue;
    set_vector_level(level);
    for (const int width : {1, 15, 16, 17, 31, 32, 33, 93})
      for (const bool integers : {false, true}) {
        Plane<float> plane = random_plane(100, 7, static_cast<unsigned>(width), 5, integers, 0);
        for (int y = 0; y < 7; y += 2) plane.at(width - 1, y) = std::nanf("");
        if (width > 20) plane.at(width - 16, 3) = std::nanf("");
        const PlaneView<float> view = plane.view({0, 0, width, 7});
        Plane<float> cut(width, 7);
        for (int y = 0; y < 7; ++y) std::copy_n(view.row(y), width, cut.row(y));
        const std::vector<double> valid = valid_samples(cut);
        Distribution d;
        d.assign(view, integers ? 1 : 0);
        ASSERT_EQ(d.count(), valid.size()) << width;
        EXPECT_EQ(d.median(), naive_median(valid)) << width;
        EXPECT_EQ(d.smallest(), *std::min_element(valid.begin(), valid.end())) << width;
        EXPECT_EQ(d.largest(), *std::max_element(valid.begin(), valid.end())) << width;
        EXPECT_EQ(clip(d, integers).location, naive_clip(valid, integers).location) << width;
        EXPECT_EQ(clipped_location(d, integers), naive_clip(valid, integers).location) << width;
      }
  }
  set_vector_level(widest_vector_level());
}

TEST(OrderStatistics, WholeNumbersAreThoseThatFloatsAddExactly) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN(), kLargest = 1 << 20;
  const auto whole = [](std::vector<float> samples, double code_step) {
    Plane<float> plane(static_cast<int>(samples.size()), 1);
    plane.samples() = std::move(samples);
    Distribution d;
    d.assign(plane.view(), code_step);
    return d.whole_numbers();
  };
  EXPECT_TRUE(whole({-3, 7, 65535, kNone}, 1));
  EXPECT_TRUE(whole({kLargest, -kLargest}, 1));
  EXPECT_FALSE(whole({0, kLargest + 1}, 1));
  EXPECT_FALSE(whole({0, -kLargest - 1}, 1));
  EXPECT_FALSE(whole({0.5, 1.5}, 1)) << "BZERO is no whole number";
  EXPECT_FALSE(whole({-40001, 0.0015F, 1.0015F, 2.0015F}, 1)) << "the lowest hides a BZERO of 0.0015";
  EXPECT_FALSE(whole({1, 2, 3.5F}, 0));
  EXPECT_TRUE(whole({2, 4}, 2));
  EXPECT_TRUE(whole({2, 4}, 0)) << "floats may be whole numbers";
  EXPECT_TRUE(whole(std::vector<float>(100, 7), 1));
}

// Codes whose lowest rounds to a whole number in float32, where the others keep what BZERO adds.
TEST(OrderStatistics, AFractionOfBzeroStays) {
  for (const double bzero : {0.0015, -0.0015}) {
    Plane<float> plane(701, 10);
    for (std::size_t i = 0; i < plane.samples().size(); ++i)
      plane.samples()[i] = static_cast<float>(static_cast<double>(i % 7) + bzero);
    plane.at(3, 3) = static_cast<float>(-40001 + bzero);
    Distribution counted, sorted;
    counted.assign(plane.view(), 1);
    sorted.assign(plane.view(), 0);
    EXPECT_EQ(counted.median(), sorted.median());
    EXPECT_EQ(clip(counted, 1).location, clip(sorted, 1).location);
  }
}

TEST(OrderStatistics, ManyCodesTakeNoMoreMemoryThanSorting) {
  std::mt19937 rng(12);
  Plane<float> plane(400, 300);
  for (float& v : plane.samples()) v = static_cast<float>(rng() % 900000);
  Distribution d;
  d.assign(plane.view(), 1);
  EXPECT_EQ(d.median(), naive_median(valid_samples(plane)));
  EXPECT_LE(d.held_bytes(), 24 * plane.samples().size());
}

// One object for many planes, as a tile uses it: nothing of the one before may stay.
TEST(OrderStatistics, ASecondPlaneLeavesNothingOfTheFirst) {
  Distribution d;
  for (unsigned seed = 0; seed < 24; ++seed) {
    const bool integers = seed % 3 != 0;
    const Plane<float> plane = random_plane(8 + static_cast<int>(seed * 7 % 50), 11, seed, 1 + seed * 5 % 70,
                                            integers, seed % 4 == 0 ? 0.3 : 0.0);
    const std::vector<double> valid = valid_samples(plane);
    d.assign(plane.view(), integers ? 1 : 0);
    const Clipped found = clip(d, integers), expected = naive_clip(valid, integers);
    EXPECT_EQ(d.count(), valid.size()) << seed;
    EXPECT_EQ(d.largest(), *std::max_element(valid.begin(), valid.end())) << seed;
    EXPECT_EQ(found.location, expected.location) << seed;
    EXPECT_EQ(found.kept, expected.kept) << seed;
  }
}

// The two distances in the middle of an even count: equal, on one side, on either.
TEST(OrderStatistics, TheMiddleDistancesOfAnEvenCount) {
  std::mt19937 rng(9);
  for (int turn = 0; turn < 400; ++turn) {
    const int n = 2 + static_cast<int>(rng() % 9);
    Plane<float> plane(n, 1);
    for (float& v : plane.samples()) v = static_cast<float>(rng() % 7);
    const std::vector<double> valid = valid_samples(plane);
    for (const double q : {0.0, 1.0}) {
      Distribution d;
      d.assign(plane.view(), q);
      const Clipped found = clip(d, q), expected = naive_clip(valid, q);
      EXPECT_EQ(found.kept, expected.kept) << turn;
      EXPECT_EQ(found.location, expected.location) << turn;
    }
  }
}

TEST(OrderStatistics, SmallStepsAndNegativeValuesAreCounted) {
  Plane<float> plane(4, 1);
  plane.samples() = {-0.3f, -0.2f, -0.2f, 0.1f};
  Distribution d;
  d.assign(plane.view(), 0.1);
  EXPECT_EQ(d.count(), 4u);
  EXPECT_EQ(d.median(), static_cast<double>(-0.2f));
  EXPECT_EQ(d.smallest(), static_cast<double>(-0.3f));
}

// Nothing between two codes: a BSCALE that no camera writes.
TEST(OrderStatistics, AStepWithoutAnInverseIsNoStep) {
  const Plane<float> equal(9, 7, 1000);
  Distribution d;
  d.assign(equal.view(), 1e-310);
  EXPECT_EQ(d.count(), 63u);
  EXPECT_EQ(d.median(), 1000);
  EXPECT_TRUE(d.constant());
}

TEST(OrderStatistics, NothingAndOneValue) {
  Plane<float> empty(3, 2, std::nanf(""));
  Distribution d;
  d.assign(empty.view(), 0);
  EXPECT_EQ(d.count(), 0u);
  EXPECT_EQ(clip(d, 0).kept, 0u);
  Plane<float> constant(3, 2, 7.0f);
  d.assign(constant.view(), 0);
  EXPECT_TRUE(d.constant());
  EXPECT_EQ(clip(d, 0).location, 7);
  EXPECT_EQ(clip(d, 0).scale, 0);
  d.assign(constant.view(), 1);
  EXPECT_EQ(clip(d, 1).location, 7);
}

TEST(OrderStatistics, QuantisedBackgroundIsInterpolatedInsideItsCode) {
  Plane<float> plane(10, 1);
  plane.samples() = {4, 4, 4, 5, 5, 5, 5, 5, 5, 6};  // half of ten lies two sixths into code 5
  Distribution d;
  d.assign(plane.view(), 1);
  EXPECT_DOUBLE_EQ(clip(d, 1).location, 5 + (5.0 - 3.0) / 6.0 - 0.5);
}

}  // namespace
}  // namespace tilecompile
