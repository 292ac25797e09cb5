#include <gtest/gtest.h>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/tile_metrics_file.hpp"

namespace tilecompile {
namespace {

// 2 channels, 3 tiles, 4 frames; the weight tells where it stands.
std::filesystem::path weights_file(const TempDir& folder) {
  TileMetricsFile m;
  m.channels = 2;
  m.frames = 4;
  for (int t = 0; t < 3; ++t)
    m.tiles.push_back(
        {t, {t, 0, 9, 9}, "STAR", {1, 1}, {1, 1}, {0, 0}, {0, 0}, {false, false}, {1, 1}, {0, 0}});
  for (int c = 0; c < 2; ++c)
    for (int t = 0; t < 3; ++t)
      for (int f = 0; f < 4; ++f) {
        m.quality.push_back(0);
        m.weight.push_back(t == 0 ? 2 : 100 * c + 10 * t + f);
      }
  write_tile_metrics(folder / "m.fits", m, {});
  return folder / "m.fits";
}

TEST(ReadTileWeights, GivesTheWeightsOfOneChannelTileByTile) {
  const TempDir folder;
  std::vector<std::vector<double>> seen;
  const auto effective =
      read_tile_weights(weights_file(folder), 1, [&](const auto& w) { seen.push_back(w); });
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2], (std::vector<double>{120, 121, 122, 123}));
  ASSERT_EQ(effective.size(), 3u);
  EXPECT_EQ(effective[0], 4);
  EXPECT_NEAR(effective[2], 486.0 * 486 / (120.0 * 120 + 121 * 121 + 122 * 122 + 123 * 123), 1e-12);
}

TEST(ReadTileWeights, RefusesWhatIsNotThereCutOffOrOfAnotherKind) {
  const TempDir folder;
  const auto path = weights_file(folder);
  const auto nothing = [](const std::vector<double>&) {};
  EXPECT_THROW(read_tile_weights(path, 2, nothing), InputError);
  EXPECT_THROW(read_tile_weights(folder / "none.fits", 0, nothing), InputError);
  std::filesystem::resize_file(path, 2880);
  EXPECT_THROW(read_tile_weights(path, 0, nothing), InputError);
}

}  // namespace
}  // namespace tilecompile
