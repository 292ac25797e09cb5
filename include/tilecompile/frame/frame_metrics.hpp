#pragma once
#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/header/frame_params.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// How a sample of a frame becomes a normalised one: I' = (I - offset) * gain + pedestal (`methodology.md`
/// 3).
struct Normalization {
  double offset = 0, gain = 1, pedestal = 0;
  double operator()(double sample) const { return (sample - offset) * gain + pedestal; }
};

/// A straight border of the part of the image that a frame covers: a x + b y + c is the distance in px of a
/// pixel's centre from it, positive inside.
struct FootprintEdge {
  double a = 0, b = 0, c = 0;
};

/// What is known of one channel of one frame (`methodology.md` 3, 4).
struct FrameChannel {
  double background = 0;       ///< B, input units
  double noise = 0;            ///< sigma, of I'
  double gradient_energy = 0;  ///< E, of I'
  double z_background = 0, z_noise = 0, z_gradient = 0;
  double quality = 0;           ///< Q, clamped
  double weight = 1;            ///< G = exp(Q), or inverse_variance
  double flux_scale = 1;        ///< phi
  double inverse_variance = 1;  ///< 1 / sigma^2 over its median over frames
  double valid_fraction = 0;
  double fwhm_px =
      std::numeric_limits<double>::quiet_NaN();  ///< median over its reference stars; NaN: none measured
  bool flux_measured = true;                     ///< phi was found, or is not asked for
  double spread_px =
      0;  ///< how far from its stars a trailed or doubled frame has light of theirs; 0: it is round
  bool constant = false;  ///< every valid sample has the same value
  Normalization normalization;
  std::vector<double> fwhm_surface;  ///< log FWHM over the image, see frame/fwhm_surface.hpp; empty: unknown
  /// The frame's sky above the common one: coefficients on the mesh of image/sky_mesh.hpp, whole numbers of
  /// noise / 1024; empty: nothing is to be taken away.
  std::vector<double> sky_surface;
  std::vector<FootprintEdge> footprint;  ///< borders of the frame inside the image, see frame/footprint.hpp
};

/// A reference star, centre in px of the image, rounded to 1/1024 px (`methodology.md` 5).
struct ReferenceStar {
  double x = 0, y = 0;
  bool operator==(const ReferenceStar&) const = default;
};

/// Everything about the frames that a tile needs, shared by all workers of a run.
struct FrameMetrics {
  std::vector<std::vector<FrameChannel>> channels;  ///< [channel][frame]
  std::vector<ReferenceStar> stars;                 ///< brightest first
  int star_radius_px = 8;                           ///< half-size of a star's measuring box
  double seeing_px = 3;                             ///< F
  std::vector<double> sky;                          ///< [channel] median of B over frames, input units
  std::vector<double> output_scale;  ///< [channel] input units a unit of I': the sky, or 1 (photometric)
  int image_width = 0, image_height = 0;
  bool frame_tables = true;  ///< tile files hold Q, W and the rejected pixels of every frame
  /// Storage key and SHA-256 of the sums of the frames' files, by which readers of a part check it; empty:
  /// none, they check whole files.
  std::string sums_ref, sums_checksum;

  int channel_count() const { return static_cast<int>(channels.size()); }
  int frame_count() const { return channels.empty() ? 0 : static_cast<int>(channels.front().size()); }
};

/// Measures one channel: B, sigma, E, valid fraction and normalisation. `scratch` is reused between calls.
/// A frame without valid pixels has valid_fraction 0 and B = 0; judging it is the caller's. In photometric
/// mode I' is I - B until apply_flux_scale is called.
FrameChannel measure_frame_channel(const PlaneView<float>& plane, double code_step,
                                   const NormalizationParams& params, Distribution& scratch);

/// Frames without a valid pixel, with B <= 1e-6 where I' = I / B, or constant among others that are not.
/// `channels` is [channel][frame].
std::vector<BadFrame> unusable_frames(const std::vector<std::vector<FrameChannel>>& channels,
                                      const std::vector<std::string>& frame_paths,
                                      const NormalizationParams& params = {});

/// Whether I' = I / B; in photometric mode B is subtracted and may have any sign.
inline bool divides_by_background(const NormalizationParams& params) {
  return params.mode != NormalizationParams::Mode::kPhotometric;
}

/// Fills sky and output scale of every channel.
void set_output_scale(FrameMetrics& metrics, const NormalizationParams& params);

/// Median of the noise of all frames of a channel, of I'.
double median_noise(const std::vector<FrameChannel>& frames);

/// Makes I' = (I - B) / phi + S of a frame (`methodology.md` 3, photometric) and scales its sigma and E.
void apply_flux_scale(FrameChannel& frame, double flux_scale, double pedestal);

/// Fills z-scores, Q, G and the inverse variances over all frames, each channel by itself (`methodology.md`
/// 4). With mode `inverse_variance` G is 1 / sigma^2 over its median; z and Q are filled all the same. A
/// sigma below a tenth of the median counts as that, so that no frame outweighs the median one more than 100
/// times. A frame without phi (where it is asked for), or with mode `inverse_variance` without FWHM, weighs
/// at most the median of the measured ones; then `max_frame_share` limits both weights.
void weigh_frames(FrameMetrics& metrics, const GlobalMetricsParams& params);

/// alpha, beta, gamma as `adaptive_weights` makes them of the three z-scores: proportional to their variances
/// over frames, clipped to [0.1, 0.7], scaled to sum 1; the configured ones when all variances are 0.
std::array<double, 3> adaptive_weights(const std::vector<double>& z_background,
                                       const std::vector<double>& z_noise,
                                       const std::vector<double>& z_gradient,
                                       const GlobalMetricsParams& params);

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
