#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Which pixels of which cut-outs are left out of a tile's sums.
struct Rejection {
  std::vector<Plane<std::uint8_t>> kept;           ///< [i], 0: rejected; an empty plane: all are kept
  std::vector<std::vector<std::uint8_t>> touched;  ///< [i][row] of those that are not empty, 0: all are kept
  Plane<std::uint8_t> plain;                       ///< not 0: too few would be kept, the plain mean is taken
  std::vector<std::int64_t> low, high;             ///< [i] pixels rejected below and above
  Plane<double> light_low, light_high;  ///< sum of I' - median of the kept frames over the rejected samples
};

/// Pixel rejection over frames (`methodology.md` 9.3): at each pixel, I' below median - sigma_low s or above
/// median + sigma_high s is dropped, with s = 1.4826 MAD over the frames that are still kept, not below the
/// median of the first round's s over the tile nor below the median noise of the frames; repeated until
/// nothing is dropped, at most `rounds` times. A frame whose noise is above the median noise gets limits
/// wider by that ratio. Both limits are 4 max(0, r - 4 s / sqrt(n)) further out, with r the range of the
/// medians of n samples within 3 x 3 pixels of the tile and the least s: in changing seeing the pixels of a
/// star spread as much as the star stands out of its neighbours. Then bright tracks are followed in their
/// frames to where they fall below the noise (`rejected_tracks.hpp`). I' is compared in float32; only
/// `samples`, `normalization` and `noise` of the cut-outs are used.
Rejection reject_outliers(const std::vector<WeightedCutout>& cutouts, int width, int height,
                          const RejectionParams& params);

}  // namespace tilecompile
