#pragma once
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/frame/frame_params.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// How a sample of a frame becomes a normalised one: I' = (I - offset) * gain + pedestal (`methodology.md`
/// 3).
struct Normalization {
  double offset = 0, gain = 1, pedestal = 0;
  double operator()(double sample) const { return (sample - offset) * gain + pedestal; }
};

/// What is known of one channel of one frame (`methodology.md` 3, 4).
struct FrameChannel {
  double background = 0;       ///< B, input units
  double noise = 0;            ///< sigma, of I'
  double gradient_energy = 0;  ///< E, of I'
  double z_background = 0, z_noise = 0, z_gradient = 0;
  double quality = 0;     ///< Q, clamped
  double weight = 1;      ///< G = exp(Q)
  double flux_scale = 1;  ///< phi
  double valid_fraction = 0;
  double fwhm_px =
      std::numeric_limits<double>::quiet_NaN();  ///< median over its reference stars; NaN: none measured
  bool constant = false;                         ///< every valid sample has the same value
  Normalization normalization;
};

/// A reference star, centre in px of the image, rounded to 1/1024 px (`methodology.md` 5).
struct ReferenceStar {
  double x = 0, y = 0;
};

/// Everything about the frames that a tile needs, shared by all workers of a run.
struct FrameMetrics {
  std::vector<std::vector<FrameChannel>> channels;  ///< [channel][frame]
  std::vector<ReferenceStar> stars;                 ///< brightest first
  int star_radius_px = 8;                           ///< half-size of a star's measuring box
  double seeing_px = 3;                             ///< F
  std::vector<double> output_scale;                 ///< [channel] median of B over frames (output units)

  int channel_count() const { return static_cast<int>(channels.size()); }
  int frame_count() const { return channels.empty() ? 0 : static_cast<int>(channels.front().size()); }
};

/// Measures one channel: B, sigma, E, valid fraction and normalisation. `scratch` is reused between calls.
/// A frame without valid pixels has valid_fraction 0 and B = 0; judging it is the caller's.
FrameChannel measure_frame_channel(const PlaneView<float>& plane, double code_step,
                                   const NormalizationParams& params, Distribution& scratch);

/// Throws InputError naming all frames without a valid pixel, with B <= 1e-6, or constant among others that
/// are not.
void check_frame_channels(const std::vector<std::vector<FrameChannel>>& channels,
                          const std::vector<std::string>& frame_paths);

/// Fills z-scores, Q, G and the output scale over all frames, each channel by itself (`methodology.md` 4).
void weigh_frames(FrameMetrics& metrics, const GlobalMetricsParams& params);

/// JSON of what workers need; numbers round-trip to the bit. The SHA-256 of these bytes travels in every
/// task.
std::string encode_frame_metrics(const FrameMetrics& metrics);
/// Inverse; throws InputError for anything else.
FrameMetrics decode_frame_metrics(std::string_view bytes);

/// frame_metrics.csv: one row a frame and channel, columns of the interface text; `cluster` empty when not
/// clustered.
std::string frame_metrics_csv(const FrameMetrics& metrics, const std::vector<std::string>& frame_paths,
                              const std::vector<int>& cluster_of_frame);

}  // namespace tilecompile
