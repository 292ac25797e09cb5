#include "tile/local_sky.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kWidth = 64, kHeight = 48;

// Frames of one star each width, each with a sky and a noise of its own.
struct Skies {
  std::vector<Plane<float>> frames;
  std::vector<WeightedCutout> cutouts;

  Skies(const std::vector<double>& level, const std::vector<double>& noise, const std::vector<double>& sigma,
        double star_flux, unsigned seed = 3) {
    std::mt19937 rng(seed);
    for (std::size_t f = 0; f < level.size(); ++f) {
      std::normal_distribution<double> sky(100 + level[f], noise[f]);
      Plane<float> p(kWidth, kHeight);
      for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x) {
          const double r2 = (x - 20) * (x - 20) + (y - 22) * (y - 22), s2 = sigma[f] * sigma[f];
          p.at(x, y) =
              static_cast<float>(sky(rng) + star_flux / (2 * 3.14159 * s2) * std::exp(-0.5 * r2 / s2));
        }
      frames.push_back(std::move(p));
    }
    for (const Plane<float>& p : frames) {
      WeightedCutout c;
      c.samples = p.view();
      cutouts.push_back(c);
    }
  }
  std::vector<double> found() const { return local_sky(cutouts, kWidth, kHeight, 64); }
};

std::vector<double> alternating(int count, double even, double odd) {
  std::vector<double> values;
  for (int f = 0; f < count; ++f) values.push_back(f % 2 == 0 ? even : odd);
  return values;
}

TEST(LocalSky, FindsTheLevelsOfTheFramesAndKeepsThatOfTheirMean) {
  const std::vector<double> level = {5, -3, 0, 2, -1, 4, 0.5, -2, 1, 1.5};
  const double mean = 0.8;
  const std::vector<double> sky = Skies(level, alternating(10, 1, 1), alternating(10, 2, 2), 0).found();
  double sum = 0;
  for (std::size_t f = 0; f < level.size(); ++f) {
    EXPECT_NEAR(sky[f], level[f] - mean, 0.1) << f;
    sum += sky[f];
  }
  EXPECT_NEAR(sum, 0, 0.05);
}

TEST(LocalSky, AStarOfChangingWidthIsNoSky) {
  // The star fills a quarter of the tile; sharp frames are brighter in its core and darker in its wings.
  const std::vector<double> sky =
      Skies(alternating(20, 0, 0), alternating(20, 1, 1), alternating(20, 3, 5), 1e5).found();
  for (const double s : sky) EXPECT_NEAR(s, 0, 0.15);
}

TEST(LocalSky, TheNoiseOfAFrameHasNoSayInWhatIsSky) {
  // Choosing dark pixels of the mean of all would find quiet frames bright and noisy ones dark by about 1.
  double quiet = 0, noisy = 0;
  for (unsigned seed = 0; seed < 8; ++seed) {
    const std::vector<double> sky =
        Skies(alternating(8, 0, 0), alternating(8, 1, 4), alternating(8, 2, 2), 0, seed).found();
    for (std::size_t f = 0; f < sky.size(); ++f) (f % 2 == 0 ? quiet : noisy) += sky[f] / 32;
  }
  EXPECT_NEAR(quiet, 0, 0.06);
  EXPECT_NEAR(noisy, 0, 0.06);
}

TEST(LocalSky, TrailsAndFewPixelsDoNotDecide) {
  Skies night(alternating(12, 1, -1), alternating(12, 1, 1), alternating(12, 2, 2), 0);
  for (int x = 0; x < kWidth; ++x)  // a satellite over 6 % of the tile
    for (int y = 30; y < 33; ++y) night.frames[0].at(x, y) += 500;
  for (int y = 0; y < kHeight; ++y)  // 48 pixels left
    for (int x = 1; x < kWidth; ++x) night.frames[1].at(x, y) = std::nanf("");
  const std::vector<double> sky = night.found();
  EXPECT_NEAR(sky[0], 1, 0.15);
  EXPECT_EQ(sky[1], 0);
}

TEST(LocalSky, OneFrameIsItsOwnMean) {
  EXPECT_EQ(Skies({5}, {1}, {2}, 0).found(), std::vector<double>{0});
  EXPECT_TRUE(local_sky({}, kWidth, kHeight, 64).empty());
}

}  // namespace
}  // namespace tilecompile
