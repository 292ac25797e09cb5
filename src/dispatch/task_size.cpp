#include "tilecompile/dispatch/task_size.hpp"

#include <algorithm>

#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/night/frame_bands.hpp"

namespace tilecompile {
namespace {

// Time of a tile in units of what the analysis of its pixels cost one thread. Measured on 100 frames of 1
// megapixel: 2.4 literal, 6.3 with rejection and noise guard.
constexpr double kTileCost = 8;
constexpr double kTimeoutMargin = 4;  // for hosts slower than the master's

// A delivery that is not acknowledged within the broker's consumer_timeout is taken away. A worker holds
// `prefetch` of them for each slot and computes them one after another.
int most_tiles(const Grid& grid, const RunConfig& config, const TaskSizes& sizes) {
  const double image = static_cast<double>(sizes.width) * sizes.height;
  const double tile_s = kTileCost * sizes.stack_s * sizes.threads * grid.size * grid.size / image;
  const double task_s = config.broker.consumer_timeout_s / kTimeoutMargin / (config.parallel.prefetch + 1);
  const int tiles = static_cast<int>(grid.tiles.size());
  return std::clamp(static_cast<int>(std::min(task_s / std::max(tile_s, 1e-9), 1e6)), 1, tiles);
}

}  // namespace

void set_task_size(TileRound& round, const RunConfig& config, const TaskSizes& sizes) {
  round.batch = config.parallel.batch;
  round.most_tiles = most_tiles(*round.grid, config, sizes);
  round.bands = BandCache::Shape{sizes.width, sizes.frames, sizes.samples,
                                 band_memory_bytes(config, sizes.samples.packed),
                                 static_cast<std::size_t>(sizes.threads)};
}

}  // namespace tilecompile
