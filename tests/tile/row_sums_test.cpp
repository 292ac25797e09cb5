#include "tile/row_sums.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

/// Cut-outs of one row with holes, rejected pixels, ramps and shares, whatever of it is wanted.
struct SumNight {
  std::vector<Plane<float>> frames, ramps;
  std::vector<Plane<std::uint8_t>> kept;
  Plane<double> quiet, sharp;
  std::vector<WeightedCutout> cutouts;

  // Three of six frames are whole: they have neither holes nor rejected pixels.
  SumNight(int width, std::size_t count) : quiet(width, 1), sharp(width, 1) {
    std::mt19937 rng(static_cast<unsigned>(width) * 31 + static_cast<unsigned>(count));
    std::uniform_real_distribution<float> any(0.5F, 2);
    for (double& v : quiet.samples()) v = any(rng);
    for (double& v : sharp.samples()) v = any(rng) - 0.5;
    for (std::size_t f = 0; f < count; ++f) {
      frames.emplace_back(width, 1);
      ramps.emplace_back(width, 1);
      kept.emplace_back(width, 1, std::uint8_t{1});
      const bool holes = f / 3 % 2 == 0;
      for (float& v : frames.back().samples()) v = holes && rng() % 9 == 0 ? std::nanf("") : 1000 * any(rng);
      for (float& v : ramps.back().samples()) v = any(rng) / 2;
      for (std::uint8_t& v : kept.back().samples()) v = holes && rng() % 5 == 0 ? 0 : 1;
    }
    for (std::size_t f = 0; f < count; ++f) {
      const double k = static_cast<double>(f);
      cutouts.push_back({frames[f].view(),
                         {k, 1 / (3 + k), 0.1 * k},
                         1 / (1 + k),
                         0.3 * k,
                         0.7 + k,
                         f % 3 == 0 ? &ramps[f] : nullptr,
                         f % 2 == 0 ? &kept[f] : nullptr});
    }
  }
};

// The sums by their definition, one pixel after the other.
RowSums obvious(const SumNight& night, bool mixed, bool plain, std::size_t chunk) {
  const auto width = static_cast<std::size_t>(night.quiet.width());
  RowSums sums(width);
  for (std::size_t x = 0; x < width; ++x)
    for (std::size_t begin = 0; begin < night.cutouts.size(); begin += chunk) {
      double value = 0, weight = 0, squares = 0, variance = 0;
      for (std::size_t f = begin; f < std::min(begin + chunk, night.cutouts.size()); ++f) {
        const WeightedCutout& c = night.cutouts[f];
        const int column = static_cast<int>(x);
        const float s = c.samples.at(column, 0);
        if (s != s) continue;
        ++sums.count[x];
        if (!plain && c.kept != nullptr && c.kept->at(column, 0) == 0) continue;
        double w = plain ? 1 : c.weight;
        if (mixed) w = night.quiet.at(column, 0) * c.quiet_weight + night.sharp.at(column, 0) * c.weight;
        if (!plain && c.ramp != nullptr) w *= c.ramp->at(column, 0);
        value += w * c.normalization(s);
        weight += w;
        squares += w * w;
        variance += w * w * (c.noise * c.noise);
      }
      sums.value[x] += value;
      sums.weight[x] += weight;
      sums.squares[x] += squares;
      sums.variance[x] += variance;
    }
  return sums;
}

void expect_equal(RowSums a, RowSums b) {
  for (std::size_t k = 0; k < a.sums().size(); ++k) ASSERT_EQ(*a.sums()[k], *b.sums()[k]) << "sum " << k;
  ASSERT_EQ(a.count, b.count);
}

// Two means in one go are the two means.
void expect_two(const SumNight& night, std::size_t chunk) {
  const auto width = static_cast<std::size_t>(night.quiet.width());
  SumNight of_quiet = night;
  for (WeightedCutout& c : of_quiet.cutouts) c.weight = c.quiet_weight;
  RowSums sharp(width), quiet(width);
  sum_row(night.cutouts, {}, 0, chunk, sharp);
  sum_row(of_quiet.cutouts, {}, 0, chunk, quiet);
  TwoRowSums both(width);
  sum_row_twice(night.cutouts, 0, chunk, both);
  ASSERT_EQ(both.sharp_value, sharp.value);
  ASSERT_EQ(both.sharp_weight, sharp.weight);
  ASSERT_EQ(both.quiet_value, quiet.value);
  ASSERT_EQ(both.quiet_weight, quiet.weight);
  ASSERT_EQ(both.count, sharp.count);
}

TEST(RowSums, AreThoseOfTheDefinitionAtEveryVectorLevelAndWidth) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    set_vector_level(level);
    for (const int width : {1, 3, 15, 16, 17, 31, 33, 96})
      for (const std::size_t frames : {1, 7, 64, 65}) {
        const SumNight night(width, frames);
        for (const std::size_t chunk : {1, 5, 64, 1000}) {
          RowSums sums(static_cast<std::size_t>(width));
          sum_row(night.cutouts, {}, 0, chunk, sums);
          expect_equal(sums, obvious(night, false, false, chunk));
          sum_row(night.cutouts, {&night.quiet, &night.sharp}, 0, chunk, sums);
          expect_equal(sums, obvious(night, true, false, chunk));
          plain_row(night.cutouts, 0, chunk, sums);
          expect_equal(sums, obvious(night, false, true, chunk));
          expect_two(night, chunk);
        }
      }
  }
  set_vector_level(widest_vector_level());
}

}  // namespace
}  // namespace tilecompile
