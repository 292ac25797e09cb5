#include "tilecompile/coadd/tile_diagnostics.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "small_tile.hpp"

namespace tilecompile {
namespace {

TEST(TileDiagnostics, SumsUpWhatTheTileHolds) {
  const SmallTile tile;
  const TileDiagnostics d = diagnose_tile(tile.input, tile.result);
  EXPECT_EQ(d.box, tile.input.box);
  EXPECT_EQ(d.kind, TileKind::kStar);
  EXPECT_EQ(d.stars, 5);
  EXPECT_EQ(d.frames, 4);
  ASSERT_EQ(d.channels.size(), 1u);
  const ChannelDiagnostics& c = d.channels.front();
  EXPECT_EQ(c.quality.low, -3);
  EXPECT_EQ(c.quality.high, 3);
  std::vector<std::int64_t> bins(24);
  bins[0] = 2;   // -3, and -7 from outside
  bins[12] = 1;  // 0.1 in bins of 0.25
  bins[23] = 1;  // 3, the upper edge
  EXPECT_EQ(c.quality.counts, bins);
  EXPECT_EQ(c.weight_quantiles, (std::vector<double>{1, 1, 2, 3, 3, 4, 4}));
  EXPECT_DOUBLE_EQ(c.n_eff, 100.0 / 30.0);
  EXPECT_EQ(c.measured_frames, 3);
  EXPECT_DOUBLE_EQ(c.valid_fraction, (2 * 2 + 6 * 4) / 40.0);
  EXPECT_DOUBLE_EQ(c.uncovered_fraction, 0.2);
  EXPECT_EQ(c.background, 1);
  EXPECT_EQ(c.median, -0.25);
  EXPECT_EQ(c.noise, 0);
  EXPECT_TRUE(c.fallback_used);
}

TEST(TileDiagnostics, NoiseIsTheScatterOfTheReconstruction) {
  SmallTile tile;
  tile.result.channels.front().pixels = Plane<float>(60, 60);
  tile.result.channels.front().coverage = Plane<std::int32_t>(60, 60, 4);
  for (int y = 0; y < 60; ++y)
    for (int x = 0; x < 60; ++x)  // evenly spread over 0..1: standard deviation 1/sqrt(12)
      tile.result.channels.front().pixels.at(x, y) = static_cast<float>((y * 60 + x) * 7 % 3600) / 3600.0f;
  EXPECT_NEAR(diagnose_tile(tile.input, tile.result).channels.front().noise, 0.2887, 0.01);
}

TEST(TileDiagnostics, ATileWithoutDataIsFiniteToo) {
  SmallTile tile;
  TileChannel& c = tile.result.channels.front();
  c.pixels = Plane<float>(5, 2, std::numeric_limits<float>::quiet_NaN());
  c.coverage = Plane<std::int32_t>(5, 2, 0);
  c.frame_weight = {0, 0, 0, 0};
  const TileDiagnostics d = diagnose_tile(tile.input, tile.result);
  EXPECT_EQ(d.channels.front().uncovered_fraction, 1);
  EXPECT_EQ(d.channels.front().n_eff, 0);
}

}  // namespace
}  // namespace tilecompile
