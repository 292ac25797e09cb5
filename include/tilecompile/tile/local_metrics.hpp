#pragma once
#include <optional>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// STAR metrics of one frame in one tile: medians over the tile's reference stars; all on I'.
struct StarMetrics {
  double log_fwhm = 0, axis_ratio = 0, contrast = 0;
};
/// STRUCTURE metrics of one frame in one tile, on I'.
struct StructureMetrics {
  double energy_over_noise = 0, background = 0;
};

/// What was measured of one frame in one tile and channel: the member of the tile's kind, or neither; in
/// seeing mode, where the number of effective frames is looked at, the share of the tile that it covers.
struct LocalMetrics {
  std::optional<StarMetrics> star;
  std::optional<StructureMetrics> structure;
  double covered_share = 0;
  bool measured() const { return star.has_value() || structure.has_value(); }
};

/// The metrics of every cut-out of one channel. A frame with too few valid pixels, or none of the tile's
/// stars, has none.
std::vector<LocalMetrics> measure_frames(const TileInput& input, std::size_t channel, TileKind kind,
                                         const std::vector<int>& stars);
/// Q of every frame of a tile and channel from its measurements; it needs all frames at once, and of `input`
/// only metrics, box and parameters. Mode v2 (`methodology.md` 7): z-scores, clamped; a frame that was not
/// measured gets the median Q of those that were (0 when none was). Mode seeing: -n log(FWHM / F) at the
/// tile's centre from the frame's surface; a frame without one gets the median of the others (0 when none has
/// one). n is `sharpness`, lowered by bisection until (sum v W)^2 / sum v W^2 over frames, v the share of the
/// tile that a frame covers, is at least `min_effective_fraction` of its value for n = 0.
std::vector<double> local_quality(const TileInput& input, std::size_t channel, TileKind kind,
                                  const std::vector<LocalMetrics>& local);
/// W_ft = G_f exp(Q_ft), in seeing mode with the inverse variance for G_f (`methodology.md` 7).
std::vector<double> frame_weights(const TileInput& input, std::size_t channel,
                                  const std::vector<double>& quality);

/// Nothing when fewer than min_valid_fraction of the pixels are valid or no star could be measured. Without
/// `contrast_over_sky` C is peak - b, in units of I': for a sky that was subtracted.
std::optional<StarMetrics> measure_stars(const FrameCutout& cutout, const Box& box,
                                         const Normalization& normalization, const std::vector<int>& stars,
                                         const FrameMetrics& metrics, double min_valid_fraction,
                                         Distribution& scratch, bool contrast_over_sky);
/// Nothing when fewer than min_valid_fraction of the pixels are valid.
std::optional<StructureMetrics> measure_structure(const FrameCutout& cutout,
                                                  const Normalization& normalization,
                                                  double min_valid_fraction, Distribution& scratch);

}  // namespace tilecompile
