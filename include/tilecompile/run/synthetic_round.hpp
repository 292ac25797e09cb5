#pragma once
#include <functional>
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/run/dispatch.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Called with every synthetic frame in ascending order, a CoaddChannel a channel.
using TakeSynthetic = std::function<void(int cluster, std::vector<CoaddChannel>)>;

/// Joins the tiles of the second round into synthetic frames. As many frames at a time as
/// `memory_limit_bytes` allows, so that large images do not need all of them in memory; each pass loads the
/// tiles once more and checks them again. A result without data_checksum is a hole.
void join_synthetic_frames(ObjectStore& store, const Grid& grid, const std::vector<ResultMessage>& results,
                           int clusters, int channels, ReconstructionParams::TileRescale rescale,
                           std::size_t memory_limit_bytes, const TakeSynthetic& take);

}  // namespace tilecompile
