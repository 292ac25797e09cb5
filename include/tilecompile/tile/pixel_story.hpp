#pragma once
#include <limits>
#include <vector>

#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// What one frame brought to one pixel of a tile. Weights are those of the sums themselves.
struct FrameAtPixel {
  int frame = 0;  ///< row of the frame metrics
  double value =
      std::numeric_limits<double>::quiet_NaN();  ///< I' as it is summed; NaN: nothing was seen here
  double sky = 0;           ///< the frame's own sky that was taken away before, in units of I'
  bool covered = false;     ///< the frame has a sample here
  bool rejected = false;    ///< it has, and lies too far from those of the other frames
  double frame_weight = 0;  ///< G, in seeing mode the inverse variance
  double quality = 0;       ///< Q in this tile
  double tile_weight = 0;   ///< W = G exp(Q), after the limit of one frame's share
  bool limited = false;     ///< that limit holds W down
  double border_ramp = 1;   ///< fading towards the frame's own border; 1: far from it
  double weight = 0;        ///< w of the sum at this pixel; 0 when rejected or not covered
  double share = 0;         ///< w over the sum of w, in the plain mean 1 over the number of frames
};

/// How one pixel of one channel of a tile came to be.
struct PixelStory {
  std::vector<FrameAtPixel> frames;                         ///< ascending
  double value = std::numeric_limits<double>::quiet_NaN();  ///< R, normalised, before the tile is scaled
  bool plain = false;      ///< the plain mean: rejection would keep too few, or no weight is left
  double sharp_share = 1;  ///< of the quality weights; the rest is the quiet mean of the noise guard
  /// What the noise guard gives back of a star's light that its disc cuts off, in R; with the shares times
  /// the values of the frames it makes R.
  double star_light = 0;
  int measured_frames = 0;  ///< frames with a measurement of their own in the tile
};

/// Computes channel `channel` of a tile as compute_tile does, and tells of the pixel (x, y) of the tile.
/// Every number is one that the tile was made with. Throws ContractError for cut-outs of another shape and
/// for a pixel outside the tile.
PixelStory tell_pixel(const TileInput& input, std::size_t channel, int x, int y);

}  // namespace tilecompile
