#pragma once
#include <vector>

#include "reconstruct.hpp"
#include "tilecompile/frame/clusters.hpp"

namespace tilecompile {

/// The frames grouped by observing state, and the stack of one synthetic frame a group.
struct SyntheticFrames {
  Clusters clusters;
  std::vector<CoaddChannel> stack;
};

/// Phases 7 and 8: groups the frames, carries out the second round, and writes and stacks the synthetic
/// frames. `round`: that of the first round, with what the journal says of the second; `tiles`: its tiles.
SyntheticFrames make_synthetic_frames(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                                      TileRound round);

}  // namespace tilecompile
