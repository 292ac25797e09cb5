#pragma once
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// What the size of a run's tasks depends on beside its configuration.
struct TaskSizes {
  int width = 0, height = 0, planes = 0, frames = 0, threads = 1;  ///< planes: FrameSource::planes
  double stack_s = 0;  ///< seconds that analysing all frames took these threads
};

/// Says in `round`, whose grid is set, how its tiles go into tasks: as many as configured, else those that
/// are read together, and never so many that a task outlasts the broker's consumer_timeout. A run and its
/// plan both ask here.
void set_task_size(TileRound& round, const RunConfig& config, const TaskSizes& sizes);

}  // namespace tilecompile
