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

/// Memory that a synthetic frame takes while it is joined.
std::size_t joining_bytes(const Grid& grid, int channels);

/// Called with rows of synthetic frames `first`, first + 1, ..., each a CoaddChannel a channel, from row `y0`
/// of the image on; rows in ascending order up to the last, then those of the next frames.
using TakeSyntheticRows =
    std::function<void(int first, int y0, const std::vector<std::vector<CoaddChannel>>& rows)>;

/// Joins the tiles of the second round into synthetic frames, a row of tiles after the other, on all threads:
/// planes are spread over them, and each adds its tiles in ascending tile_id, so their number changes no bit.
/// Each tile is loaded, and its sum checked, once when the sums of all frames fit in the memory limit;
/// otherwise as many frames are joined at a time as fit. A result without data_checksum is a hole.
void join_synthetic_frames(const LoadTile& load, const SyntheticJoin& join, const TakeSyntheticRows& take);

}  // namespace tilecompile
