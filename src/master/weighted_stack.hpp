#pragma once
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Final stack by `weighted_average` (`methodology.md` 11) from the tiles of the second round, a CoaddChannel
/// a channel: each tile is the weighted average of its synthetic frames, and the tiles are joined by the
/// windowed overlap-add like those of the reconstruction. `reference`: the classical stack, normalised.
/// Throws what load_tile throws.
std::vector<CoaddChannel> join_weighted_stack(ObjectStore& store, const Grid& grid,
                                              const std::vector<ResultMessage>& results, int clusters,
                                              const Image& reference,
                                              ReconstructionParams::TileRescale rescale);

}  // namespace tilecompile
