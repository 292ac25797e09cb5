#include "tilecompile/image/sorted_pixels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "plain_median.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

/// Takes a level for the time of a test.
class AtLevel {
 public:
  explicit AtLevel(VectorLevel level) { set_vector_level(level); }
  ~AtLevel() { set_vector_level(widest_vector_level()); }
  AtLevel(const AtLevel&) = delete;
  AtLevel& operator=(const AtLevel&) = delete;
};

// Numbers with many equal ones, of both signs, some far off, some missing.
std::vector<float> samples_of(std::size_t frames, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_int_distribution<int> code(-20, 20), odd(0, 19);
  std::vector<float> values(frames);
  for (float& v : values) {
    v = static_cast<float>(code(rng)) * 0.37F;
    const int kind = odd(rng);
    if (kind == 0) v = std::numeric_limits<float>::quiet_NaN();
    if (kind == 1) v *= 1e30F;
  }
  return values;
}

TEST(SortedPixels, AgreeWithSortingEachPixelByItself) {
  for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    const AtLevel at(level);
    for (const std::size_t frames : {1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33, 64, 100, 201, 257}) {
      SortedPixels pixels(frames);
      std::vector<std::vector<float>> columns;
      for (unsigned p = 0; p < SortedPixels::kPixels; ++p) {
        columns.push_back(samples_of(frames, static_cast<unsigned>(frames) * 100 + p));
        for (std::size_t f = 0; f < frames; ++f) pixels.frame(f)[p] = columns.back()[f];
      }
      pixels.sort();
      for (std::size_t p = 0; p < SortedPixels::kPixels; ++p) {
        std::vector<float> valid;
        for (const float v : columns[p])
          if (v == v) valid.push_back(v);
        ASSERT_EQ(pixels.count(p), valid.size());
        if (valid.empty()) continue;
        std::sort(valid.begin(), valid.end());
        for (std::size_t r = 0; r < valid.size(); ++r) ASSERT_EQ(pixels.at(p, r), valid[r]) << frames;
        const double middle = plain_median(valid);
        ASSERT_EQ(pixels.median(p), middle);
        std::vector<float> off;
        for (const float v : valid) off.push_back(static_cast<float>(std::abs(v - middle)));
        ASSERT_EQ(pixels.absolute_deviation(p, middle), plain_median(off)) << frames << " pixel " << p;
      }
    }
  }
}

TEST(SortedPixels, CountNothingWhereNoFrameHasASample) {
  SortedPixels pixels(3);
  for (std::size_t f = 0; f < 3; ++f)
    std::fill_n(pixels.frame(f), SortedPixels::kPixels, std::numeric_limits<float>::quiet_NaN());
  pixels.frame(1)[4] = 7;
  pixels.sort();
  EXPECT_EQ(pixels.count(0), 0u);
  EXPECT_EQ(pixels.count(4), 1u);
  EXPECT_EQ(pixels.median(4), 7);
  EXPECT_EQ(pixels.absolute_deviation(4, 7), 0);
}

}  // namespace
}  // namespace tilecompile
