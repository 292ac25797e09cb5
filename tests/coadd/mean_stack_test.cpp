#include "tilecompile/coadd/mean_stack.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <set>

namespace tilecompile {
namespace {

constexpr int kStackWidth = 40, kStackHeight = 23;

std::vector<Plane<float>> night(int frames) {
  std::mt19937 rng(5);
  std::uniform_real_distribution<float> any(-1000, 60000);
  std::vector<Plane<float>> planes;
  for (int f = 0; f < frames; ++f) {
    Plane<float> p(kStackWidth, kStackHeight);
    for (float& v : p.samples()) v = rng() % 5 == 0 ? std::nanf("") : any(rng);
    for (int x = 0; x < 4; ++x) p.at(x, 2) = std::nanf("");
    planes.push_back(p);
  }
  return planes;
}

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

TEST(MeanStack, AgreesWithObviousLoopsBitByBit) {
  const auto planes = night(11);
  for (const int chunk : {1, 3, 4, 11, 64}) {
    MeanStack stack(kStackWidth, kStackHeight, chunk);
    const auto normalization = [](int f) { return Normalization{0.3 * f, 1 / (400.0 + f), 0.125}; };
    for (int f = 0; f < 11; ++f)
      stack.add_rows(f, planes[static_cast<std::size_t>(f)].view(), normalization(f), 0, kStackHeight);
    const Plane<float> mean = stack.mean();
    for (int y = 0; y < kStackHeight; ++y)
      for (int x = 0; x < kStackWidth; ++x) {
        double total = 0;
        int count = 0;
        for (int begin = 0; begin < 11; begin += chunk) {
          double partial = 0;
          for (int f = begin; f < std::min(11, begin + chunk); ++f) {
            const float v = planes[static_cast<std::size_t>(f)].at(x, y);
            if (std::isnan(v)) continue;
            partial += (v - 0.3 * f) * (1 / (400.0 + f)) + 0.125;
            ++count;
          }
          total += partial;
        }
        ASSERT_EQ(stack.coverage().at(x, y), count);
        if (count == 0) {
          ASSERT_TRUE(std::isnan(mean.at(x, y)));
        } else {
          ASSERT_EQ(bits(mean.at(x, y)), bits(static_cast<float>(total / count)))
              << "chunk " << chunk << " x " << x << " y " << y;
        }
      }
  }
}

TEST(MeanStack, RowsMayComeInPieces) {
  const auto planes = night(7);
  MeanStack whole(kStackWidth, kStackHeight, 3), pieces(kStackWidth, kStackHeight, 3);
  for (int f = 0; f < 7; ++f)
    whole.add_rows(f, planes[static_cast<std::size_t>(f)].view(), {}, 0, kStackHeight);
  for (int y = kStackHeight; y > 0; y -= 5)
    for (int f = 0; f < 7; ++f)
      pieces.add_rows(f, planes[static_cast<std::size_t>(f)].view(), {}, std::max(0, y - 5), y);
  const Plane<float> a = whole.mean(), b = pieces.mean();
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(bits(a.samples()[i]), bits(b.samples()[i])) << i;
  EXPECT_EQ(whole.coverage().samples(), pieces.coverage().samples());
}

TEST(MeanStack, ConstantFramesGiveAConstantMean) {
  MeanStack stack(9, 7, 64);
  for (int f = 0; f < 5; ++f) stack.add_rows(f, Plane<float>(9, 7, 3.5f).view(), {}, 0, 7);
  const Plane<float> mean = stack.mean();
  for (const float v : mean.samples()) EXPECT_EQ(v, 3.5f);
}

// In one sum of 2^60, small numbers and -2^60 the small ones are lost; in a chunk of their own they are not.
TEST(MeanStack, ChunksShowWhereValuesCancel) {
  const std::vector<float> values = {0x1p60F, 1, -0x1p60F, 2, 0x1p60F, 4, 8, -0x1p60F, 16};
  std::set<double> sums;
  for (const std::size_t chunk : {1u, 2u, 3u, 4u, 5u, 64u}) {
    MeanStack stack(3, 2, static_cast<int>(chunk));
    double total = 0, partial = 0;
    for (std::size_t f = 0; f < values.size(); ++f) {
      stack.add_rows(static_cast<int>(f), Plane<float>(3, 2, values[f]).view(), {}, 0, 2);
      if (f % chunk == 0) {
        total += partial;
        partial = 0;
      }
      partial += values[f];
    }
    total += partial;
    sums.insert(total);
    EXPECT_EQ(bits(stack.mean().at(1, 1)), bits(static_cast<float>(total / 9))) << chunk;
  }
  EXPECT_GE(sums.size(), 3u) << "the chunks have to show";
}

}  // namespace
}  // namespace tilecompile
