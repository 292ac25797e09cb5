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
  double quiet_weight = 1;                    ///< q, the inverse variance inside the tile
  double noise = 0;                           ///< sigma of I'
  const Plane<float>* ramp = nullptr;         ///< of the border times `shares`; none: 1 everywhere
  const Plane<std::uint8_t>* kept = nullptr;  ///< 0: rejected; none: all kept
  PlaneView<float> shares{};                  ///< of a drizzled frame: m, 0 to 1; none: 1 where valid
  bool whole = false;                         ///< known to have no NaN
  double spread_px = 0;  ///< so far from a star the frame may show more of its light than others
  const std::vector<std::uint8_t>* touched = nullptr;  ///< [row], 0: all of it is kept; none: not known
  /// Of a row, 0: rejected; none: all of it is kept.
  const std::uint8_t* kept_row(int y) const {
    const bool all = kept == nullptr || (touched != nullptr && (*touched)[static_cast<std::size_t>(y)] == 0);
    return all ? nullptr : kept->row(y);
  }
};

/// Shares of the quiet and of the sharp weights, per pixel.
struct PixelMix {
  const Plane<double>* quiet = nullptr;
  const Plane<double>* sharp = nullptr;
};

/// sum w m I' / sum w m per pixel with its by-products; m is the validity, or the share of a drizzled sample,
/// w the weight at the pixel.
struct WeightedMean {
  Plane<float> mean;              ///< NaN where no frame is valid
  Plane<std::int32_t> coverage;   ///< valid frames, rejected ones too
  Plane<float> weight;            ///< sum of w over the valid frames that are kept
  Plane<float> variance;          ///< of the mean: sum w^2 sigma^2 / (sum w)^2; NaN where no frame is valid
  Plane<float> effective_frames;  ///< (sum w)^2 / sum w^2
  bool fallback_used = false;
};

/// Sum of weights below which a pixel is the plain mean (epsilon of `methodology.md` 9.1).
inline constexpr double kLeastWeight = 1e-6;

/// The canonical frame sum (`methodology.md` 0.4, 9.1): in double, frames in the order given, in chunks of
/// `frame_chunk`, partial sums added in chunk order; rounded once to float32. Where the sum of weights is
/// below 1e-6, or `plain` is not 0, the pixel is the plain mean of the valid frames, kept or not, summed the
/// same way; only the former is a fallback.
WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height, int frame_chunk,
                           const PixelMix& mix = {}, const Plane<std::uint8_t>* plain = nullptr);

/// Two means of the same cut-outs in one go: with the weights W ramp and with q ramp.
struct SharpAndQuiet {
  Plane<float> sharp, quiet;                ///< `mean` of weighted_mean with either
  Plane<float> sharp_weight, quiet_weight;  ///< its `weight`
};
/// The bits of weighted_mean without a pixel mix, of the weights W and of q in their place.
SharpAndQuiet sharp_and_quiet(const std::vector<WeightedCutout>& cutouts, int width, int height,
                              int frame_chunk, const Plane<std::uint8_t>* plain);

/// The rows of a tile that its frames' noise is measured on: every fourth, from the first on.
inline constexpr int kSampledRowStep = 4;
inline int sampled_rows(int height) { return (height + kSampledRowStep - 1) / kSampledRowStep; }

/// sum w m I' / sum w m of the sampled rows alone, without a pixel mix, in double; NaN where sum w m is not
/// above 0. Shape (sampled rows, width).
Plane<double> sampled_mean(const std::vector<WeightedCutout>& cutouts, int width, int height,
                           int frame_chunk);

/// The sums of one chunk of frames per pixel, before anything is rounded: what a tile computed in pieces is
/// put together from.
struct PartialSums {
  static constexpr std::size_t kSums = 4;  ///< sums of w m I', w m, w^2 m and w^2 m sigma^2
  std::vector<Plane<double>> weighted;     ///< [sum]
  std::vector<Plane<double>> plain;        ///< the same with w = 1; empty when no pixel may need them
  Plane<std::int32_t> coverage;            ///< sum m
};

/// Sums the frames of one chunk in the order given; `sampled`: the sampled rows alone.
PartialSums partial_sums(const std::vector<WeightedCutout>& chunk, int width, int height, bool sampled);
/// The mean from the partial sums of all chunks in ascending order: the bits of weighted_mean over all frames
/// in chunks of the same size, without a pixel mix.
WeightedMean join_partial_sums(const std::vector<const PartialSums*>& chunks, int width, int height);
/// The same for sampled_mean, from partial sums of the sampled rows.
Plane<double> join_sampled_mean(const std::vector<const PartialSums*>& chunks, int width, int height);

/// The canonical frame sum of plain numbers, one a frame.
double frame_sum(const std::vector<double>& values, int frame_chunk);

}  // namespace tilecompile
