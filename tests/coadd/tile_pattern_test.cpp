#include "tilecompile/coadd/tile_pattern.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tilecompile/coadd/verdict.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr int kPatternWidth = 500, kPatternHeight = 400;
constexpr double kPatternSigma = 0.01;

Grid grid_of(double overlap) {
  GridParams params;
  params.min_size = 60;
  params.size_factor = 0.1;
  params.overlap_fraction = overlap;
  return build_grid(kPatternWidth, kPatternHeight, 1, params);
}

/// Stars and a slanted nebula on a sky of 1, without noise.
Plane<float> scene() {
  Plane<float> p(kPatternWidth, kPatternHeight);
  const CounterRandom random(7);
  for (int y = 0; y < kPatternHeight; ++y)
    for (int x = 0; x < kPatternWidth; ++x) {
      const double dx = x - 200.0, dy = y - 230.0;
      p.at(x, y) = static_cast<float>(1 + 2e-5 * x + 0.05 * std::exp(-(dx * dx + 2 * dy * dy) / 9000));
    }
  for (std::uint64_t s = 0; s < 300; ++s) {
    const double cx = random.uniform(3 * s) * kPatternWidth, cy = random.uniform(3 * s + 1) * kPatternHeight;
    const double peak = 0.02 / random.uniform(3 * s + 2);
    for (int y = std::max(0, static_cast<int>(cy) - 8);
         y < std::min(kPatternHeight, static_cast<int>(cy) + 9); ++y)
      for (int x = std::max(0, static_cast<int>(cx) - 8);
           x < std::min(kPatternWidth, static_cast<int>(cx) + 9); ++x)
        p.at(x, y) += static_cast<float>(
            peak * std::exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / (2 * 1.4 * 1.4)));
  }
  return p;
}

Plane<float> with_noise(Plane<float> p, std::uint64_t seed) {
  const CounterRandom random(seed);
  for (std::size_t i = 0; i < p.size(); ++i)
    p.samples()[i] += static_cast<float>(kPatternSigma * random.gaussian(i));
  return p;
}

/// Tiles of random gains 1 +- `gain`, each over what the ones before it wrote.
Plane<float> with_gain_steps(Plane<float> p, const Grid& grid, double gain) {
  const Plane<float> clean = p;
  const CounterRandom random(3);
  for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
    const Box& box = grid.tiles[t];
    const double factor = random.uniform(t) < 0.5 ? 1 - gain : 1 + gain;
    for (int y = box.y0; y < box.y1(); ++y)
      for (int x = box.x0; x < box.x1(); ++x) p.at(x, y) = static_cast<float>(factor * clean.at(x, y));
  }
  return p;
}

class TilePatternTest : public testing::TestWithParam<double> {};

TEST_P(TilePatternTest, ACleanPictureHasNone) {
  const Grid grid = grid_of(GetParam());
  const Plane<float> sky = scene();
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const TilePattern p = tile_pattern(with_noise(sky, seed), with_noise(sky, 100 + seed), grid);
    EXPECT_FALSE(p.detected) << seed << ": " << p.amplitude << " " << p.significance;
    EXPECT_GT(p.amplitude, 0.3);
  }
}

// A step of half the pixel noise: one tile is a quarter of sigma brighter, its neighbour as much fainter.
// Where overlaps leave little room between them it takes twice that.
TEST_P(TilePatternTest, StepsOfHalfTheNoiseAreFound) {
  const Grid grid = grid_of(GetParam());
  const double least = GetParam() == 0.4 ? 0.5 * kPatternSigma : 0.25 * kPatternSigma;
  const Plane<float> sky = scene();
  const Plane<float> noisy = with_noise(sky, 1), classical = with_noise(sky, 101);
  const TilePattern small = tile_pattern(with_gain_steps(noisy, grid, least), classical, grid);
  EXPECT_TRUE(small.detected) << small.amplitude << " " << small.significance;
  const TilePattern large = tile_pattern(with_gain_steps(noisy, grid, 2 * kPatternSigma), classical, grid);
  EXPECT_TRUE(large.detected);
  EXPECT_GT(large.amplitude, small.amplitude);
  const TilePattern tiny = tile_pattern(with_gain_steps(noisy, grid, 0.01 * kPatternSigma), classical, grid);
  EXPECT_FALSE(tiny.detected) << "a hundredth of the noise is nothing";
}

TEST_P(TilePatternTest, TheClassicalStackHasNone) {
  const Plane<float> p = with_noise(scene(), 1);
  const TilePattern pattern = tile_pattern(p, p, grid_of(GetParam()));
  EXPECT_EQ(pattern.amplitude, 1);
  EXPECT_EQ(pattern.significance, 0);
  EXPECT_FALSE(pattern.detected);
}

INSTANTIATE_TEST_SUITE_P(Overlaps, TilePatternTest, testing::Values(0.0, 0.1, 0.25, 0.4, 0.5));

TEST(TilePattern, HolesAndSmallPicturesAreNoPattern) {
  const Grid grid = grid_of(0.25);
  Plane<float> a = with_noise(scene(), 1);
  const Plane<float> b = with_noise(scene(), 2);
  for (int y = 0; y < kPatternHeight; ++y)
    for (int x = 0; x < kPatternWidth; ++x)
      if (x < 130 || y > 300) a.at(x, y) = std::nanf("");
  EXPECT_FALSE(tile_pattern(a, b, grid).detected);
  for (float& v : a.samples()) v = std::nanf("");
  EXPECT_FALSE(tile_pattern(a, b, grid).detected);
  const Grid one = build_grid(40, 30, 1, {});
  const TilePattern none = tile_pattern(Plane<float>(40, 30, 1.0F), Plane<float>(40, 30, 2.0F), one);
  EXPECT_EQ(none.amplitude, 1);
  EXPECT_FALSE(none.detected);
}

TEST(Verdict, ADetectedPatternFailsWhereNoneIsAllowed) {
  const Grid grid = grid_of(0.25);
  const Plane<float> noisy = with_noise(scene(), 1), classical = with_noise(scene(), 101);
  VerdictInput input;
  input.pattern = tile_pattern(with_gain_steps(noisy, grid, kPatternSigma), classical, grid);
  ValidationParams params;
  const auto passed = [&] {
    for (const VerdictCheck& check : judge(input, params))
      if (check.name == "tile_pattern") return check.passed;
    return false;
  };
  EXPECT_TRUE(passed());
  params.require_no_tile_pattern = true;
  EXPECT_FALSE(passed());
  input.pattern = tile_pattern(noisy, classical, grid);
  EXPECT_TRUE(passed());
}

}  // namespace
}  // namespace tilecompile
