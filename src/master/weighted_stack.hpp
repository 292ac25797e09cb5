#pragma once
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/master/synthetic_round.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Final stack by `weighted_average` (`methodology.md` 11) from the tiles of the second round, a CoaddChannel
/// a channel: each tile is the weighted average of its synthetic frames, and the tiles are joined by the
/// windowed overlap-add like those of the reconstruction. `reference`: the classical stack, normalised.
/// Throws what `load` throws.
std::vector<CoaddChannel> join_weighted_stack(const LoadTile& load, const Grid& grid,
                                              const std::vector<ResultMessage>& results,
                                              const Image& reference,
                                              ReconstructionParams::TileRescale rescale);

}  // namespace tilecompile
