#include "tile/pixel_statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "plain_median.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// Widths beside, at and past the number of pixels that are sorted together; frames with holes.
TEST(PixelStatistics, AreThoseOfEachPixelAtEveryVectorLevel) {
  for (const int width : {1, 15, 16, 17, 37}) {
    constexpr int kHeight = 3, kFrames = 11;
    std::mt19937 rng(static_cast<unsigned>(width));
    std::normal_distribution<float> noise(1000, 30);
    std::vector<Plane<float>> frames;
    std::vector<WeightedCutout> cutouts;
    for (int f = 0; f < kFrames; ++f) {
      frames.emplace_back(width, kHeight);
      for (float& v : frames.back().samples()) v = rng() % 7 == 0 ? std::nanf("") : noise(rng);
      if (f > 0) frames.back().at(0, 0) = std::nanf("");
      frames.back().at(width - 1, 2) = std::nanf("");
    }
    for (int f = 0; f < kFrames; ++f) {
      WeightedCutout cutout;
      cutout.samples = frames[static_cast<std::size_t>(f)].view();
      cutout.normalization = {3.0 * f, 1.0 / (7 + f), 0.25};
      cutouts.push_back(cutout);
    }
    for (const VectorLevel level : {VectorLevel::kBaseline, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
      set_vector_level(level);
      const PixelStatistics s = pixel_statistics(cutouts, width, kHeight);
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < width; ++x) {
          std::vector<float> values;
          for (const WeightedCutout& c : cutouts)
            if (const float v = c.samples.at(x, y); v == v)
              values.push_back(static_cast<float>(c.normalization(v)));
          ASSERT_EQ(s.samples.at(x, y), static_cast<int>(values.size()));
          if (values.empty()) {
            EXPECT_TRUE(std::isnan(s.location.at(x, y)));
            EXPECT_EQ(s.scale.at(x, y), 0);
            continue;
          }
          const double middle = plain_median(values);
          ASSERT_EQ(s.location.at(x, y), middle);
          std::vector<float> off;
          for (const float v : values) off.push_back(static_cast<float>(std::abs(v - middle)));
          ASSERT_EQ(s.scale.at(x, y), 1.4826 * plain_median(off));
          ASSERT_EQ(s.least.at(x, y), *std::min_element(values.begin(), values.end()));
          ASSERT_EQ(s.largest.at(x, y), *std::max_element(values.begin(), values.end()));
        }
    }
    set_vector_level(widest_vector_level());
  }
}

}  // namespace
}  // namespace tilecompile
