#include "tilecompile/dispatch/task_size.hpp"

#include <set>

#include "tilecompile/night/frame_bands.hpp"
#include "tilecompile/operate/plan.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

TEST(TaskSize, KeepsToTheTilesThatAreAllowedAndWanted) {
  WholeNight night;
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
  WholeNight night;
  const BandShape band_shape({1, true}, night.grid.tiles.front(), 7);
  const std::size_t row_bytes = band_shape.size_bytes({0, 0, 131, night.grid.size});
  for (const std::size_t bands : {2u, 3u, 9u}) {
    const BandCache::Shape shape{131, 7, {1, true}, row_bytes * 3 / 2, bands};
    const auto region = [&](const Box& tile) { return shape.region(tile); };
    night.job.bands = shape;
    for (const TileTask& task : make_tasks(night.job)) {
      const Box band = region(task.tiles.front().box);
      for (const TaskTile& tile : task.tiles) EXPECT_EQ(region(tile.box), band);
      EXPECT_TRUE(band_shape.size_bytes(band) * bands <= row_bytes * 3 / 2 || band == task.tiles.front().box);
    }
  }
}

// The time of the sample decides nothing here: consumer_timeout_s is long.
TEST(TaskSize, APlanCutsTasksAsTheRunDoes) {
  const WholeNight night;
  RunRequest request;
  request.quiet = true;
  request.config.method = night.method;
  request.config.method.data.frames_min = 3;
  request.config.input.dir = night.frames_dir().string();
  request.config.broker.consumer_timeout_s = 1e7;
  request.config.parallel.threads = 30;
  for (const int limit_mb : {1, 1024}) {
    request.config.parallel.memory_limit_mb = limit_mb;
    const RunPlan plan = plan_run(request, night.analysis.metrics.seeing_px);
    ASSERT_EQ(plan.tiles, static_cast<int>(night.grid.tiles.size()));
    TileRound round;
    round.grid = &night.grid;
    set_task_size(round, request.config, {131, 97, 7, 30, {1, true}, 0.01});
    const int expected = static_cast<int>(make_tasks(round).size());
    EXPECT_EQ(plan.tasks.front(), (std::pair<std::string, int>{"auto (configured)", expected}));
    std::set<int> starts;
    for (const Box& tile : night.grid.tiles) starts.insert(tile.y0);
    const int rows = static_cast<int>(starts.size());
    if (limit_mb == 1)
      EXPECT_GT(expected, rows) << "rows of tiles do not fit in the memory limit";
    else
      EXPECT_EQ(expected, rows);
  }
}

TEST(TaskSize, ATaskEndsLongBeforeTheBrokerTakesItBack) {
  const WholeNight night;
  RunConfig config;
  config.broker.consumer_timeout_s = 3600;
  config.parallel.prefetch = 1;
  const auto most = [&](double stack_s) {
    TileRound round;
    round.grid = &night.grid;
    set_task_size(round, config, {131, 97, 7, 2, {1, true}, stack_s});
    return round.most_tiles;
  };
  const double tiles_an_image = 131.0 * 97 / (night.grid.size * night.grid.size);
  // A tile takes 8 times the analysis of its pixels by one thread; a quarter of 3600 s is shared by two
  // tasks.
  EXPECT_EQ(most(100), static_cast<int>(450 / (8 * 100 * 2 / tiles_an_image)));
  EXPECT_EQ(most(0), static_cast<int>(night.grid.tiles.size()));
  EXPECT_EQ(most(1e9), 1) << "never none";
}

TEST(MakeTasks, EveryTileOnceWhateverTheBatch) {
  WholeNight night;
  for (const int batch : {0, 1, 5, 10000}) {
    night.job.batch = batch;
    int next = 0;
    std::set<std::string> ids;
    for (const TileTask& task : make_tasks(night.job)) {
      ids.insert(task.correlation_id);
      EXPECT_FALSE(task.tiles.empty());
      if (batch > 0) {
        EXPECT_LE(task.tiles.size(), static_cast<std::size_t>(batch));
      }
      for (const TaskTile& tile : task.tiles) {
        EXPECT_EQ(tile.tile_id, next);
        EXPECT_EQ(tile.box, night.grid.tiles[static_cast<std::size_t>(next)]);
        EXPECT_EQ(tile.seed, tile_seed(night.run_id, next));
        if (batch == 0) {
          EXPECT_EQ(tile.box.y0, task.tiles.front().box.y0);
        }
        ++next;
      }
    }
    EXPECT_EQ(next, static_cast<int>(night.grid.tiles.size()));
    EXPECT_EQ(ids.size(), make_tasks(night.job).size());
  }
}

}  // namespace
}  // namespace tilecompile
