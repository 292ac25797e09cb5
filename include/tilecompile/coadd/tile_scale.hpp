#pragma once
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// How a tile's pixels are brought to a common level before they are added (`methodology.md` 9.4):
/// R' = (R - background) * scale + background + offset.
struct TileScale {
  double scale = 1, background = 0, offset = 0;
};

/// Scales of `methodology.md` 9.4 for one channel: M / tile_median with M the median of the tile medians over
/// tiles; |tile_median| < 1e-6 gives 1. Tiles whose median is NaN are not there: they do not count.
std::vector<TileScale> median_scales(const std::vector<double>& tile_median,
                                     const std::vector<double>& tile_background);

/// `reference` of `methodology.md` 9.4 for one channel of a tile: the offset is the clipped location of
/// reference - tile; the scale is 1 unless median(. - clipped location) of both stands out of its pixel noise
/// by 10 sigma, then their ratio within [0.8, 1.25].
TileScale reference_scale(const PlaneView<float>& tile, const PlaneView<float>& reference);

}  // namespace tilecompile
