#pragma once
#include "tilecompile/operate/plan.hpp"
#include "tilecompile/passes/drizzle_choice.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// What the measurements on a few frames gave, in seconds of wall time with the plan's threads.
struct PlanSample {
  int frames = 0;
  double scan_s = 0;                           ///< all frames
  double register_s = 0;                       ///< a raw frame, its stars and its transform
  double analyse_s = 0, seeing_s = 0;          ///< a frame
  double tile_read_s = 0, tile_compute_s = 0;  ///< of one thread: a band of one frame; a tile of one frame
  DrizzleChoice drizzle;                       ///< of raw frames
};

/// The phases of the run that `plan` describes so far.
std::vector<PlannedPhase> planned_phases(const RunConfig& config, const Manifest& manifest, const Grid& grid,
                                         const PlanSample& sample, const RunPlan& plan);

}  // namespace tilecompile
