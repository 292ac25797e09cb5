#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One frame's part in a weighted mean.
struct WeightedCutout {
  PlaneView<float> samples;  ///< input units, NaN where invalid
  Normalization normalization;
  double weight = 1;
};

/// sum W m I' / sum W m per pixel with its by-products.
struct WeightedMean {
  Plane<float> mean;             ///< NaN where no frame is valid
  Plane<std::int32_t> coverage;  ///< valid frames
  Plane<float> weight;           ///< sum of W over the valid frames
  bool fallback_used = false;
};

/// The canonical frame sum (`methodology.md` 0.4, 9.1): in double, frames in the order given, in chunks of
/// `frame_chunk`, partial sums added in chunk order; rounded once to float32. Where the sum of weights is
/// below 1e-6 the pixel is the plain mean of the valid frames, summed the same way.
WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height,
                           int frame_chunk);

/// The canonical frame sum of plain numbers, one a frame.
double frame_sum(const std::vector<double>& values, int frame_chunk);

}  // namespace tilecompile
