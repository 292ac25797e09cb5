#include "tilecompile/coadd/share_stack.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "same_bits.hpp"

namespace tilecompile {
namespace {

constexpr int kShareWidth = 150, kShareHeight = 80, kShareFrames = 12;
constexpr double kNoise = 3;

/// Frames of one sky on scales of their own, each of which shows some of the pixels.
struct SharedFrames {
  std::vector<Plane<float>> samples, shares;
  std::vector<Normalization> scales;

  SharedFrames() {
    std::mt19937 rng(2);
    std::normal_distribution<float> noise(0, kNoise);
    std::uniform_real_distribution<float> any(0, 1);
    for (int f = 0; f < kShareFrames; ++f) {
      samples.emplace_back(kShareWidth, kShareHeight, std::nanf(""));
      shares.emplace_back(kShareWidth, kShareHeight);
      scales.push_back({100.0 + f, 1, 50});
      for (std::size_t i = 0; i < samples.back().size(); ++i) {
        if (any(rng) > 0.5F) continue;
        samples.back().samples()[i] = 100.0F + static_cast<float>(f) + noise(rng);
        shares.back().samples()[i] = 0.1F + 0.9F * any(rng);
      }
    }
  }
  std::vector<WeightedCutout> in(const Box& box) const {
    std::vector<WeightedCutout> cutouts;
    for (std::size_t f = 0; f < kShareFrames; ++f) {
      WeightedCutout& c = cutouts.emplace_back();
      c.samples = samples[f].view(box);
      c.shares = shares[f].view(box);
      c.normalization = scales[f];
      c.noise = kNoise;
    }
    return cutouts;
  }
  ShareStack stacked(int columns) const {
    ShareStack stack(kShareWidth, kShareHeight, 5);
    for (int y = 0; y < kShareHeight; y += RowExtremes::kRows)
      for (int x = 0; x < kShareWidth; x += columns) {
        const Box box{x, y, std::min(columns, kShareWidth - x),
                      std::min(RowExtremes::kRows, kShareHeight - y)};
        stack.add(in(box), box);
      }
    return stack;
  }
};

TEST(ShareStack, BoxesOfAnyWidthGiveTheSameBits) {
  const SharedFrames frames;
  const ShareStack narrow = frames.stacked(64), wide = frames.stacked(192);
  expect_same_bits(narrow.mean(), wide.mean(), "mean");
  expect_same_bits(narrow.variance(1), wide.variance(1), "variance");
  EXPECT_EQ(narrow.coverage().samples(), wide.coverage().samples());
  EXPECT_EQ(narrow.extremes().of({0, 0, kShareWidth, kShareHeight}),
            wide.extremes().of({0, 0, kShareWidth, kShareHeight}));
}

TEST(ShareStack, WeighsSamplesByTheirShares) {
  const SharedFrames frames;
  const ShareStack stack = frames.stacked(64);
  for (int y = 0; y < kShareHeight; ++y)
    for (int x = 0; x < kShareWidth; ++x) {
      double light = 0, shares = 0;
      int count = 0;
      for (std::size_t f = 0; f < kShareFrames; ++f) {
        const double m = frames.shares[f].at(x, y);
        if (!(m > 0)) continue;
        light += m * frames.scales[f](frames.samples[f].at(x, y));
        shares += m;
        ++count;
      }
      ASSERT_EQ(stack.coverage().at(x, y), count);
      if (count == 0) continue;
      ASSERT_FLOAT_EQ(stack.mean().at(x, y), static_cast<float>(light / shares));
    }
}

TEST(ShareStack, ItsVarianceIsThatOfItsPixels) {
  const Plane<float> variance = SharedFrames().stacked(64).variance(1);
  const ShareStack stack = SharedFrames().stacked(64);
  double squares = 0, expected = 0;
  for (std::size_t i = 0; i < variance.size(); ++i) {
    if (stack.coverage().samples()[i] < 2) continue;
    const double r = static_cast<double>(stack.mean().samples()[i]) - 50;
    squares += r * r;
    expected += static_cast<double>(variance.samples()[i]);
  }
  EXPECT_NEAR(squares / expected, 1, 0.05);
}

TEST(ShareStack, PixelsWithoutASampleAreEmpty) {
  const Plane<float> none(20, 20, std::nanf("")), nothing(20, 20);
  WeightedCutout c;
  c.samples = none.view();
  c.shares = nothing.view();
  ShareStack stack(20, 20, 64);
  stack.add({c, c}, {0, 0, 20, 20});
  EXPECT_TRUE(std::isnan(stack.mean().at(3, 3)));
  EXPECT_TRUE(std::isnan(stack.variance(1).at(3, 3)));
  EXPECT_EQ(stack.coverage().at(3, 3), 0);
}

}  // namespace
}  // namespace tilecompile
