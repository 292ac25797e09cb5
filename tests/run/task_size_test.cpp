#include "small_night.hpp"
#include "tilecompile/run/frame_bands.hpp"

namespace tilecompile {
namespace {

TEST(TaskSize, KeepsToTheTilesThatAreAllowedAndWanted) {
  SmallNight night;
  night.job.most_tiles = 2;
  std::size_t tiles = 0;
  TileLedger ledger(night.run_id, static_cast<int>(night.grid.tiles.size()));
  for (int id = 0; id < ledger.tile_count(); id += 3) ledger.leave_out(id);
  for (const TileTask& task : make_tasks(night.job, ledger)) {
    EXPECT_LE(task.tiles.size(), 2u);
    tiles += task.tiles.size();
    for (const TaskTile& tile : task.tiles) {
      EXPECT_NE(tile.tile_id % 3, 0);
      EXPECT_EQ(tile.box.y0, task.tiles.front().box.y0);
    }
  }
  EXPECT_EQ(tiles, night.grid.tiles.size() - (night.grid.tiles.size() + 2) / 3);
}

TEST(TaskSize, ATaskHoldsTheTilesThatAreReadTogether) {
  SmallNight night;
  const std::size_t row_bytes = FrameBand::size_bytes({0, 0, 131, night.grid.size}, 1, 7);
  for (const std::size_t bands : {2u, 3u, 9u}) {
    const BandCache::Shape shape{131, 1, 7, row_bytes * 3 / 2, bands};
    const auto region = [&](const Box& tile) { return shape.region(tile); };
    night.job.bands = shape;
    for (const TileTask& task : make_tasks(night.job)) {
      const Box band = region(task.tiles.front().box);
      for (const TaskTile& tile : task.tiles) EXPECT_EQ(region(tile.box), band);
      EXPECT_TRUE(FrameBand::size_bytes(band, 1, 7) * bands <= row_bytes * 3 / 2 ||
                  band.w <= 2 * night.grid.size);
    }
  }
}

}  // namespace
}  // namespace tilecompile
