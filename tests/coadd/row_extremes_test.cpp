#include "tilecompile/coadd/row_extremes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kRowWidth = 37, kRowsHeight = 150;  // bands of 64, 64 and 22 rows

std::vector<Plane<float>> random_frames(int count) {
  std::mt19937 rng(3);
  std::uniform_real_distribution<float> any(-500, 60000);
  std::vector<Plane<float>> frames;
  for (int f = 0; f < count; ++f) {
    Plane<float>& p = frames.emplace_back(kRowWidth, kRowsHeight);
    for (float& v : p.samples()) v = rng() % 4 == 0 ? std::nanf("") : any(rng);
  }
  return frames;
}

TEST(RowExtremes, AgreeWithObviousLoops) {
  const auto frames = random_frames(5);
  const auto normalization = [](std::size_t f) {
    const double n = static_cast<double>(f);
    return Normalization{10 * n, 1 / (3 + n), n};
  };
  RowExtremes extremes(kRowsHeight);
  for (std::size_t f = 0; f < frames.size(); ++f)
    for (int y = 0; y < kRowsHeight; y += RowExtremes::kRows)
      extremes.add_rows(frames[f].view(), normalization(f), y, std::min(kRowsHeight, y + RowExtremes::kRows));
  for (const Box& box : {Box{0, 0, 5, 5}, Box{3, 60, 8, 10}, Box{0, 128, 37, 22}, Box{0, 0, 37, 150}}) {
    const int first = box.y0 / 64 * 64, end = std::min(kRowsHeight, (box.y1() + 63) / 64 * 64);
    ValueRange expected{1e300, -1e300};
    for (std::size_t f = 0; f < frames.size(); ++f)
      for (int y = first; y < end; ++y)
        for (int x = 0; x < kRowWidth; ++x) {
          const float v = frames[f].at(x, y);
          if (std::isnan(v)) continue;
          expected.low = std::min(expected.low, normalization(f)(v));
          expected.high = std::max(expected.high, normalization(f)(v));
        }
    EXPECT_EQ(extremes.of(box), expected) << box.y0;
  }
}

TEST(RowExtremes, ABandWithoutAValidSampleHoldsNothing) {
  const Plane<float> empty(kRowWidth, kRowsHeight, std::nanf(""));
  RowExtremes extremes(kRowsHeight);
  extremes.add_rows(empty.view(), {}, 64, 128);
  const ValueRange range = extremes.of({0, 64, 10, 10});
  EXPECT_GT(range.low, range.high);
}

}  // namespace
}  // namespace tilecompile
