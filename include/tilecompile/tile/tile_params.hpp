#pragma once
#include "tilecompile/frame/frame_params.hpp"

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
  Clamp clamp;
  double star_weight_fwhm = 0.6;
  double star_weight_roundness = 0.2;
  double star_weight_contrast = 0.2;
  double structure_weight_background = 0.3;
  double structure_weight_metric = 0.7;
};

/// Section `reconstruction` (`methodology.md` 0.4, 9).
struct ReconstructionParams {
  enum class TileRescale { kNone, kMedianAfterBackgroundSubtraction };
  TileRescale tile_rescale = TileRescale::kNone;
  int frame_chunk = 64;
};

}  // namespace tilecompile
