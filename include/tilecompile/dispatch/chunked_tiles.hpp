#pragma once
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {

/// How tiles are computed in pieces.
struct ChunkJob {
  TileRound tiles;  ///< of the whole tiles
  int chunks = 1;   ///< canonical chunks of frames a task takes
  const MethodConfig* method = nullptr;
  const FrameMetrics* metrics = nullptr;
};

/// Experimental: as dispatch_tiles, but a task takes only some of the frames of its tiles, range by range, in
/// three rounds. The first measures the frames, and the master forms the weights, which need all of them. The
/// second sums every fourth row, and the master forms the mean that the noise of a frame is measured against.
/// The third measures that noise and sums each chunk of frames; the master adds the sums in the order of the
/// chunks, stores the tiles and journals them as its own results. Same bits as dispatch_tiles
/// (`methodology.md` 0.4). A tile of which a piece fails for good stays without a result.
TileLedger dispatch_tiles_in_chunks(const ChunkJob& job, const RoundPlace& place, RoundObserver& observer);

}  // namespace tilecompile
