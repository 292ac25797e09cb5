#pragma once
#include <functional>
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Loads the tile of an accepted result; from any thread.
using LoadTile = std::function<TileFile(const ResultMessage&)>;

/// What is joined, and with how much of the machine.
struct SyntheticJoin {
  const Grid* grid = nullptr;
  const std::vector<ResultMessage>* results = nullptr;  ///< of the second round, [tile]
  int clusters = 0, channels = 1;
  const Image* reference = nullptr;  ///< the classical stack, normalised, a plane a channel
  ReconstructionParams::TileRescale rescale = ReconstructionParams::TileRescale::kNone;
  std::size_t memory_limit_bytes = 0;
  int threads = 1;
};

/// What joining synthetic frames may take of a memory limit: a quarter, and no more than saves passes over
/// the tiles.
std::size_t join_memory_bytes(std::size_t memory_limit_bytes);

/// Called with synthetic frames `first`, first + 1, ... in ascending order, each a CoaddChannel a channel.
using TakeSynthetic = std::function<void(int first, const std::vector<std::vector<CoaddChannel>>& frames)>;

/// Joins the tiles of the second round into synthetic frames, on all threads: planes are spread over them,
/// and each adds its tiles in ascending tile_id, so their number changes no bit. As many frames at a time as
/// the memory limit allows, so that large images do not need all of them in memory; each pass loads the tiles
/// once more and checks them again. A result without data_checksum is a hole.
void join_synthetic_frames(const LoadTile& load, const SyntheticJoin& join, const TakeSynthetic& take);

}  // namespace tilecompile
