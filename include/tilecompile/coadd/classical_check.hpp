#pragma once
#include <cstdint>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One channel of a tile and the classical stack of its place, both normalised, of one shape.
struct TileBesideStack {
  PlaneView<float> tile, tile_variance;    ///< NaN where no frame is valid
  PlaneView<float> stack, stack_variance;  ///< the same
  double frame_noise = 0;                  ///< median sigma of the frames, of I'
  double most_weight = 1;                  ///< the largest weight of a frame over their mean
};

/// How a tile differs from the stack, each in units of what honest tiles may show: above 1 it is odd. Where
/// `outlier` and `block` need no contrast to be at most 1, they are what they are without one.
struct TileOddness {
  double level = 0;    ///< median of D = tile - stack, against a quarter of the noise of a frame plus 2 sd
  double scale = 0;    ///< median |ratio - 1| of the light around what stands out in the stack, against 0.2
  double outlier = 0;  ///< of one pixel of D, against 12 sd and the contrast of the stack around it
  double block = 0;  ///< of the mean of 4 x 4 pixels of D, against 8 sd of such a mean and half that contrast
  bool odd() const { return level > 1 || scale > 1 || outlier > 1 || block > 1; }
  /// "level 3.2 times, ..." of those above 1.
  std::string text() const;
};

/// Compares a tile with the plain mean of the same frames. Weights, rejection and better seeing make a tile
/// differ from that mean where there is structure, by a part of it, and elsewhere by noise; what differs by
/// more is worth being computed again. sd of a pixel is sqrt(variance of tile + variance of stack), but not
/// below the robust sd of D over the tile. The contrast of a pixel is the range of the stack within 7 x 7
/// pixels, times 1.2, as rejection takes a trail away that the stack has, or times `most_weight`, which is
/// how much more of a trail of one frame the tile can have. An oddness is no proof: thresholds stand well
/// above what honest tiles show (docs/operating.md).
TileOddness compare_with_stack(const TileBesideStack& pair);

}  // namespace tilecompile
