#pragma once
#include <vector>

#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// The reconstructed channel of a tile from its cut-outs with weights W: weighted mean, sum of weights,
/// clipped median and median
/// (`methodology.md` 9.1, 9.2). `quality` is left empty.
TileChannel reconstruct_channel(const std::vector<WeightedCutout>& cutouts, const Box& box, int frame_chunk);

}  // namespace tilecompile
