#pragma once
#include "night_frames.hpp"
#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// What the frames of a run show, and the tiles that follow from it.
struct AnalysedNight {
  NightFrames frames;
  FrameFile first_frame;  ///< for the header of the products
  Analysis analysis;
  Grid grid;
};

/// Phases 2 to 4: metrics and proof of every frame, the classical stack, seeing, grid. Frames that turn out
/// bad end the run or are left out, and the others are looked at again. What rests on a worker that was found
/// to be wrong meanwhile is done once more.
AnalysedNight analyse_night(RunUnderWay& run, const NightFrames& frames);

}  // namespace tilecompile
