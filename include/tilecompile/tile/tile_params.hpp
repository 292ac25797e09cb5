#pragma once
#include "tilecompile/header/frame_params.hpp"

namespace tilecompile {

/// Section `tile` (`methodology.md` 6).
struct GridParams {
  double size_factor = 32;
  int min_size = 64;
  double max_divisor = 6;
  double overlap_fraction = 0.25;
  int star_min_count = 3;
  double min_valid_fraction = 0.5;
};

/// Section `local_metrics` (`methodology.md` 7).
struct LocalMetricsParams {
  enum class Mode { kV2, kSeeing };
  Mode mode = Mode::kV2;
  double sharpness = 2;               ///< n: exponent of the FWHM in seeing mode
  double min_effective_fraction = 0;  ///< n is lowered in a tile until this share of its frames counts
  Clamp clamp;
  double star_weight_fwhm = 0.6;
  double star_weight_roundness = 0.2;
  double star_weight_contrast = 0.2;
  double structure_weight_background = 0.3;
  double structure_weight_metric = 0.7;
};

/// Pixel rejection over frames (`methodology.md` 9.3).
struct RejectionParams {
  enum class Mode { kNone, kSigmaClip };
  Mode mode = Mode::kNone;
  double sigma_low = 5, sigma_high = 4;  ///< sd below and above the median that a pixel may lie
  int rounds = 3;
  double min_kept_fraction = 0.5;  ///< of the valid frames; fewer kept: the plain mean comes back
};

/// Noise guard (`methodology.md` 9.5).
struct NoiseGuardParams {
  enum class Mode { kOff, kSignificance };
  Mode mode = Mode::kOff;
  double low = 2, high = 4;  ///< significance where the sharp mean begins to enter, and where it is all
  double reach_fwhm = 1.5;   ///< how far a significant pixel carries its surroundings with it, in units of F
};

/// Section `reconstruction` (`methodology.md` 0.4, 9).
struct ReconstructionParams {
  enum class TileRescale { kNone, kMedianAfterBackgroundSubtraction, kReference };
  enum class LocalSky { kNone, kMean };
  TileRescale tile_rescale = TileRescale::kNone;
  int frame_chunk = 64;
  LocalSky local_sky = LocalSky::kNone;  ///< kMean: frames get the sky of their plain mean, tile by tile
  RejectionParams rejection;
  NoiseGuardParams noise_guard;
  double edge_feather_px = 0;  ///< width over which a frame fades towards its own border
};

}  // namespace tilecompile
