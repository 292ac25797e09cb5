#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One frame's part in a weighted mean. Its weight at a pixel is (quiet(p) q + sharp(p) W) ramp(p) with the
/// shares of PixelMix; without one it is W ramp(p).
struct WeightedCutout {
  PlaneView<float> samples;  ///< input units, NaN where invalid
  Normalization normalization;
  double weight = 1;                          ///< W
  double quiet_weight = 1;                    ///< q, the inverse variance
  double noise = 0;                           ///< sigma of I'
  const Plane<float>* ramp = nullptr;         ///< none: 1 everywhere
  const Plane<std::uint8_t>* kept = nullptr;  ///< 0: rejected; none: all kept
};

/// Shares of the quiet and of the sharp weights, per pixel.
struct PixelMix {
  const Plane<double>* quiet = nullptr;
  const Plane<double>* sharp = nullptr;
};

/// sum w m I' / sum w m per pixel with its by-products; m is the validity, w the weight at the pixel.
struct WeightedMean {
  Plane<float> mean;              ///< NaN where no frame is valid
  Plane<std::int32_t> coverage;   ///< valid frames, rejected ones too
  Plane<float> weight;            ///< sum of w over the valid frames that are kept
  Plane<float> variance;          ///< of the mean: sum w^2 sigma^2 / (sum w)^2; NaN where no frame is valid
  Plane<float> effective_frames;  ///< (sum w)^2 / sum w^2
  bool fallback_used = false;
};

/// The canonical frame sum (`methodology.md` 0.4, 9.1): in double, frames in the order given, in chunks of
/// `frame_chunk`, partial sums added in chunk order; rounded once to float32. Where the sum of weights is
/// below 1e-6, or `plain` is not 0, the pixel is the plain mean of the valid frames, kept or not, summed the
/// same way; only the former is a fallback.
WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height, int frame_chunk,
                           const PixelMix& mix = {}, const Plane<std::uint8_t>* plain = nullptr);

/// Noise of every cut-out inside the tile: robust standard deviation of I' less the weighted mean (weights W
/// ramp), over every fourth row, less what lies beyond 3 sigma, freed of the cut-out's own part in the mean.
/// A cut-out with fewer than 64 such samples keeps `noise`. The noise of the whole frame also holds its
/// gradients and hot pixels, which say nothing about a pixel that they do not touch.
std::vector<double> residual_noise(const std::vector<WeightedCutout>& cutouts, int width, int height,
                                   int frame_chunk);

/// The canonical frame sum of plain numbers, one a frame.
double frame_sum(const std::vector<double>& values, int frame_chunk);

}  // namespace tilecompile
