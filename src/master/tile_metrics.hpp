#pragma once
#include "tilecompile/fits/tile_metrics_file.hpp"
#include "tilecompile/master/tile_joiner.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// Gathers what tile_metrics.fits holds. n_eff = (sum W)^2 / sum W^2 is the number of equal frames that would
/// give the same noise; scale and offset say what the overlap-add made of a tile: R' = scale * R + offset.
TileMetricsFile tile_metrics(const TileJoiner& joiner, const Grid& grid, const FrameMetrics& metrics,
                             const GridParams& params);

}  // namespace tilecompile
