#pragma once
#include <string>

#include "tilecompile/review/run_folders.hpp"

namespace tilecompile {

/// Which tile of which run to compute again.
struct RecomputeRequest {
  RunFolders folders;
  int tile_id = 0;
  bool synthetic = false;  ///< the tile of the second round, with the synthetic frames
};

/// How a tile computed again compares with the stored one.
struct RecomputedTile {
  bool equal = false;
  std::string checksum, stored_checksum;  ///< SHA-256 of the tiles' bytes
  std::string text;                       ///< what differs first, and what else is odd; empty when equal
};

/// Computes one tile from what the run directory holds (config.json, manifest.json, frame_metrics.json,
/// grid.json, for a synthetic tile clusters.json), the way a worker does, and compares it with the stored
/// tile and the journal. Writes nothing. Throws InputError when the run or a frame is not what it was, there
/// is no such tile, or nothing is stored to compare with; whatever the tile itself fails with.
RecomputedTile recompute_tile(const RecomputeRequest& request);

}  // namespace tilecompile
