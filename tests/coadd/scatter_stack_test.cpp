#include "tilecompile/coadd/scatter_stack.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/coadd/mean_stack.hpp"

namespace tilecompile {
namespace {

constexpr int kScatterWidth = 150, kScatterHeight = 83;

struct ScatteredNight {
  std::vector<Plane<float>> frames;
  Plane<float> mean;
  Plane<std::int32_t> count;
  explicit ScatteredNight(std::vector<Plane<float>> planes, int chunk = 64) : frames(std::move(planes)) {
    MeanStack stack(frames[0].width(), frames[0].height(), chunk);
    for (std::size_t f = 0; f < frames.size(); ++f)
      stack.add_rows(static_cast<int>(f), frames[f].view(), {}, 0, frames[f].height());
    mean = stack.mean();
    count = stack.coverage();
  }
  Plane<float> variance(double noise, int chunk = 64, int rows_at_once = 1000) const {
    ScatterStack stack(mean, count, chunk);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      const FrameLevels levels = frame_levels(frames[f].view(), {}, noise, mean);
      for (int y = 0; y < mean.height(); y += rows_at_once)
        stack.add_rows(static_cast<int>(f), frames[f].view(), {}, levels, y,
                       std::min(mean.height(), y + rows_at_once));
    }
    return stack.variance(noise);
  }
};

// A sky with a steep nebula and stars, and on it frames of noise 3 whose gradients turn from frame to frame;
// one pixel in 50 of a frame is hot when asked for.
std::vector<Plane<float>> turning_night(int frames, unsigned seed, bool hot = false) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal;
  std::vector<Plane<float>> planes;
  for (int f = 0; f < frames; ++f) {
    Plane<float> p(kScatterWidth, kScatterHeight);
    const double slope = 0.02 * normal(rng), tilt = 0.02 * normal(rng), level = 40 * normal(rng);
    for (int y = 0; y < p.height(); ++y)
      for (int x = 0; x < p.width(); ++x) {
        double scene = 0.05 * (x - 70) * (x - 70);
        scene += 5000 * std::exp(-((x - 30) * (x - 30) + (y - 40) * (y - 40)) / 4.0);
        p.at(x, y) = static_cast<float>(scene + level + slope * x + tilt * y + 3 * normal(rng));
        if (hot && rng() % 50 == 0) p.at(x, y) += 30;
      }
    planes.push_back(p);
  }
  return planes;
}

// Mean of (A - B)^2 / (var A + var B), squares of kLevelCellPx brought to one level.
double chi_square_of_halves(const ScatteredNight& a, const ScatteredNight& b, double noise) {
  const Plane<float> va = a.variance(noise), vb = b.variance(noise);
  double sum = 0;
  int pixels = 0;
  for (int y0 = 0; y0 < kScatterHeight; y0 += kLevelCellPx)
    for (int x0 = 0; x0 < kScatterWidth; x0 += kLevelCellPx) {
      std::vector<double> difference, variance;
      for (int y = y0; y < std::min(y0 + kLevelCellPx, kScatterHeight); ++y)
        for (int x = x0; x < std::min(x0 + kLevelCellPx, kScatterWidth); ++x) {
          difference.push_back(a.mean.at(x, y) - b.mean.at(x, y));
          variance.push_back(va.at(x, y) + vb.at(x, y));
        }
      double level = 0;
      for (const double d : difference) level += d / static_cast<double>(difference.size());
      for (std::size_t i = 0; i < difference.size(); ++i)
        sum += (difference[i] - level) * (difference[i] - level) / variance[i];
      pixels += static_cast<int>(difference.size());
    }
  return sum / pixels;
}

TEST(ScatterStack, HalvesOfANightDifferByWhatTheirMapsSay) {
  // A frame's noise over its whole area would be that of the nebula: hundreds.
  EXPECT_NEAR(
      chi_square_of_halves(ScatteredNight(turning_night(30, 1)), ScatteredNight(turning_night(30, 2)), 100),
      1, 0.05);
  // Outliers are in the plain mean, so they are in its map.
  EXPECT_NEAR(chi_square_of_halves(ScatteredNight(turning_night(30, 3, true)),
                                   ScatteredNight(turning_night(30, 4, true)), 100),
              1, 0.08);
}

TEST(ScatterStack, AgreesWithObviousLoops) {
  auto planes = turning_night(7, 5);
  std::mt19937 rng(6);
  for (auto& p : planes)
    for (float& v : p.samples())
      if (rng() % 4 == 0) v = std::nanf("");
  for (const int chunk : {2, 3, 64}) {
    const ScatteredNight night(planes, chunk);
    const Plane<float> found = night.variance(20, chunk, 11);
    Plane<double> squares(kScatterWidth, kScatterHeight), freedom = squares;
    std::vector<FrameLevels> levels;
    for (const auto& p : planes) levels.push_back(frame_levels(p.view(), {}, 20, night.mean));
    for (int y = 0; y < kScatterHeight; ++y)
      for (int x = 0; x < kScatterWidth; ++x) {
        if (night.count.at(x, y) < 2) continue;
        double total = 0, partial = 0;
        for (std::size_t f = 0; f < planes.size(); ++f) {
          if (f % static_cast<std::size_t>(chunk) == 0) {
            total += partial;
            partial = 0;
          }
          const float v = planes[f].at(x, y);
          if (std::isnan(v)) continue;
          const double r = double{v} - night.mean.at(x, y) - levels[f].at(x, y);
          partial += r * r;
        }
        squares.at(x, y) = total + partial;
        freedom.at(x, y) = night.count.at(x, y) - 1;
      }
    for (int y = 0; y < kScatterHeight; ++y)
      for (int x = 0; x < kScatterWidth; ++x) {
        double sum = 0, of = 0;
        for (int j = std::max(0, y - 2); j <= std::min(kScatterHeight - 1, y + 2); ++j) {
          double row = 0;
          for (int i = std::max(0, x - 2); i <= std::min(kScatterWidth - 1, x + 2); ++i) {
            row += squares.at(i, j);
            of += freedom.at(i, j);
          }
          sum += row;
        }
        const double n = night.count.at(x, y);
        if (n == 0)
          ASSERT_TRUE(std::isnan(found.at(x, y)));
        else
          ASSERT_NEAR(found.at(x, y), (of > 0 ? sum / of : 400.0) / n, 1e-6 * found.at(x, y))
              << x << " " << y;
      }
  }
}

TEST(ScatterStack, WhereNoTwoFramesMeetTheNoiseOfATypicalFrameStands) {
  std::vector<Plane<float>> planes(2, Plane<float>(40, 20, std::nanf("")));
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 40; ++x) planes[x < 20 ? 0 : 1].at(x, y) = static_cast<float>(x * y);
  const Plane<float> variance = ScatteredNight(planes).variance(4);
  for (const float v : variance.samples()) ASSERT_EQ(v, 16);
}

TEST(FrameLevels, AreMeansOfTheSkyEvenWhereOnlyACornerIsCovered) {
  Plane<float> mean(100, 70, 10);
  Plane<float> frame(100, 70, std::nanf(""));
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) frame.at(x, y) = static_cast<float>(12 + (x + y) % 2);  // two codes
  frame.at(5, 4) = 9000;
  for (int x = 90; x < 95; ++x) frame.at(x, 65) = 17;  // on none of the rows looked at first
  const FrameLevels levels = frame_levels(frame.view(), {}, 1, mean);
  ASSERT_EQ(levels.level.size(), 4u);
  EXPECT_NEAR(levels.at(0, 0), 2.5, 1e-3);
  EXPECT_EQ(levels.at(99, 69), 7);
  EXPECT_EQ(levels.at(99, 0), 0) << "nothing there";
}

}  // namespace
}  // namespace tilecompile
