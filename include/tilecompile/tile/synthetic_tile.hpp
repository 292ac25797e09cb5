#pragma once
#include <vector>

#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// The weighted means of one tile over the frames of every cluster (`methodology.md` 11): planes in the order
/// [cluster][channel]. `frame_weight` is [channel][i] for cut-out i: W of the first round, or G alone. Pixels
/// are rejected and guarded as in the tile over all frames. Same sums as compute_tile, so one cluster with
/// all frames gives the bits of the reconstruction. `quality` of the result is empty.
std::vector<TileChannel> compute_synthetic_tile(const TileInput& input, const Clusters& clusters,
                                                const std::vector<std::vector<double>>& frame_weight);

}  // namespace tilecompile
