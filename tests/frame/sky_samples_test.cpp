#include "tilecompile/frame/sky_samples.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kSampledWidth = 128, kSampledHeight = 96;

// Frames with a sky, a noise and one star of a width of their own, and their plain mean.
struct Skies {
  std::vector<Plane<float>> frames;
  Plane<float> mean{kSampledWidth, kSampledHeight};
  Plane<std::int32_t> coverage{kSampledWidth, kSampledHeight};

  Skies(const std::vector<double>& level, const std::vector<double>& noise, const std::vector<double>& sigma,
        double star_flux, unsigned seed = 3) {
    std::mt19937 rng(seed);
    for (std::size_t f = 0; f < level.size(); ++f) {
      std::normal_distribution<double> sky(100 + level[f], noise[f]);
      Plane<float> p(kSampledWidth, kSampledHeight);
      for (int y = 0; y < kSampledHeight; ++y)
        for (int x = 0; x < kSampledWidth; ++x) {
          const double r2 = (x - 64) * (x - 64) + (y - 48) * (y - 48), s2 = sigma[f] * sigma[f];
          p.at(x, y) =
              static_cast<float>(sky(rng) + star_flux / (2 * 3.14159 * s2) * std::exp(-0.5 * r2 / s2));
        }
      frames.push_back(std::move(p));
    }
  }
  void stack() {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      double sum = 0;
      int n = 0;
      for (const auto& p : frames)
        if (const float s = p.samples()[i]; s == s) sum += s, ++n;
      mean.samples()[i] = n > 0 ? static_cast<float>(sum / n) : std::nanf("");
      coverage.samples()[i] = n;
    }
  }
  std::vector<SkySample> of(std::size_t f, const Normalization& normalization = {}) const {
    return sample_sky(frames[f].view(), normalization, {mean.view(), coverage.view(), {}},
                      sky_mesh(kSampledWidth, kSampledHeight));
  }
  double level(std::size_t f) const {
    double sum = 0, pixels = 0;
    for (const SkySample& s : of(f)) sum += s.pixels * s.above, pixels += s.pixels;
    return sum / pixels;
  }
};

std::vector<double> in_turn(int count, double even, double odd) {
  std::vector<double> values;
  for (int f = 0; f < count; ++f) values.push_back(f % 2 == 0 ? even : odd);
  return values;
}

TEST(SkySamples, FindTheLevelsOfTheFrames) {
  const std::vector<double> level = {5, -3, 0, 2, -1, 4, 0.5, -2, 1, 1.5};
  Skies night(level, in_turn(10, 1, 1), in_turn(10, 2, 2), 0);
  night.stack();
  double bias = 0;  // the same of all frames: their common choice of dark pixels
  for (std::size_t f = 0; f < 10; ++f) bias += (night.level(f) - level[f] + 0.8) / 10;
  EXPECT_LT(std::abs(bias), 0.4);
  for (std::size_t f = 0; f < 10; ++f) EXPECT_NEAR(night.level(f) - bias, level[f] - 0.8, 0.06) << f;
}

TEST(SkySamples, AreAsManyAsCellsAndLieInTheirCells) {
  Skies night(in_turn(4, 1, 2), in_turn(4, 1, 1), in_turn(4, 2, 2), 0);
  night.stack();
  const SkyMesh mesh = sky_mesh(kSampledWidth, kSampledHeight);
  const auto samples = night.of(1);
  ASSERT_EQ(samples.size(), sky_cell_count(mesh));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t across = static_cast<std::size_t>(3 * mesh.across);
    EXPECT_NEAR(samples[i].x,
                (static_cast<double>(i % across) + 0.5) * kSampledWidth / static_cast<double>(across), 5);
    EXPECT_GT(samples[i].pixels, 100);
  }
}

TEST(SkySamples, AStarOfChangingWidthIsNoSky) {
  Skies night(in_turn(20, 0, 0), in_turn(20, 1, 1), in_turn(20, 3, 5), 1e5);
  night.stack();
  for (std::size_t f = 0; f < 20; ++f) EXPECT_NEAR(night.level(f), night.level(0), 0.12);
}

TEST(SkySamples, TheNoiseOfAFrameHasNoSayInWhatIsSky) {
  // Choosing dark pixels of the mean of all would find quiet frames bright and noisy ones dark by about 1.
  double difference = 0;
  for (unsigned seed = 0; seed < 8; ++seed) {
    Skies night(in_turn(8, 0, 0), in_turn(8, 1, 4), in_turn(8, 2, 2), 0, seed);
    night.stack();
    for (std::size_t f = 0; f < 8; ++f) difference += (f % 2 == 0 ? 1 : -1) * night.level(f) / 32;
  }
  EXPECT_NEAR(difference, 0, 0.1);
}

TEST(SkySamples, TrailsDoNotDecideAndCellsThatAFrameLeavesSayNothing) {
  Skies night(in_turn(12, 1, -1), in_turn(12, 1, 1), in_turn(12, 2, 2), 0);
  for (int x = 0; x < kSampledWidth; ++x)  // a satellite
    for (int y = 30; y < 32; ++y) night.frames[0].at(x, y) += 500;
  for (int y = 0; y < kSampledHeight; ++y)  // ends inside the third of six columns of cells
    for (int x = 55; x < kSampledWidth; ++x) night.frames[1].at(x, y) = std::nanf("");
  night.stack();
  EXPECT_NEAR(night.level(0), night.level(2), 0.12);
  const auto samples = night.of(1);
  for (std::size_t i = 0; i < samples.size(); ++i) EXPECT_EQ(samples[i].pixels > 0, i % 6 < 2) << i;
}

TEST(SkySamples, OneFrameHasNothingToBeComparedWith) {
  Skies night({5}, {1}, {2}, 0);
  night.stack();
  for (const SkySample& s : night.of(0)) EXPECT_EQ(s.pixels, 0);
}

TEST(SkySamples, OfLargeCellsSomePixelsAreEnough) {
  const int width = 3200, height = 1600;  // cells of 133 x 133 px, every fifth row and column
  Plane<float> frame(width, height), mean(width, height, 10);
  Plane<std::int32_t> coverage(width, height, 5);
  std::mt19937 rng(5);
  std::normal_distribution<double> sky(13, 1);
  for (float& s : frame.samples()) s = static_cast<float>(sky(rng));
  const SkyMesh mesh = sky_mesh(width, height);
  for (const SkySample& s : sample_sky(frame.view(), {}, {mean.view(), coverage.view(), {}}, mesh)) {
    EXPECT_NEAR(s.above, 3.8, 0.25);  // dark in this mean of the others is bright in the frame
    EXPECT_LT(s.pixels, 1500);
    EXPECT_GT(s.pixels, 250);
  }
}

}  // namespace
}  // namespace tilecompile
