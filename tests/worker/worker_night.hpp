#pragma once
#include "night/small_night.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

/// A small night as a worker meets it: what it reads, and the tasks of all tiles, a row of them a task.
class WorkerNight : public SmallNight {
 public:
  using SmallNight::SmallNight;
  RunContexts contexts(std::size_t memory_limit_bytes = std::size_t{1} << 30) const {
    return {*store, frames_dir(), memory_limit_bytes, 2, verified};
  }
  std::vector<TileTask> tasks() const {
    std::vector<TileTask> rows;
    for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
      const int id = static_cast<int>(t);
      if (t == 0 || grid.tiles[t].y0 != grid.tiles[t - 1].y0) rows.push_back(task_template);
      rows.back().tiles.push_back({id, grid.tiles[t], tile_seed(run_id, id)});
    }
    return rows;
  }
};

}  // namespace tilecompile
