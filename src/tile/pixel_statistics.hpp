#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// Robust figures of every pixel of a tile over its frames. I' is rounded to float32 before it is compared.
struct PixelStatistics {
  Plane<double> location;       ///< median; NaN without a sample
  Plane<double> scale;          ///< 1.4826 MAD; 0 without a sample
  Plane<float> least, largest;  ///< of the samples
  Plane<std::int32_t> samples;  ///< how many are valid
};

/// `samples` and `normalization` of the cut-outs are used (`methodology.md` 2).
PixelStatistics pixel_statistics(const std::vector<WeightedCutout>& cutouts, int width, int height);

}  // namespace tilecompile
