#pragma once
#include <string>

namespace tilecompile {

/// Which pixels of exactly 0 hold no data (`methodology.md` 1).
enum class ZeroIsNodata {
  kAuto,  ///< those of borders and large flat areas, see image/zero_borders.hpp
  kAlways,
  kNever,
};
/// What the user says of the sensor.
enum class ColorMode { kAuto, kMono, kOsc, kRgb };

/// Section `data`: what the input must look like.
struct DataParams {
  int image_width = 0;   ///< 0: taken from the frames
  int image_height = 0;  ///< 0: taken from the frames
  int frames_min = 1;
  int frames_target = 0;                    ///< informative
  ColorMode color_mode = ColorMode::kAuto;  ///< what the sensor is said to be
  bool linear_required = true;
  ZeroIsNodata zero_is_nodata = ZeroIsNodata::kAuto;
  double saturation = 0;  ///< input units; 0: 95 % of the largest code
  double exposure_tolerance_percent = 5;
};

/// Section `normalization` (`methodology.md` 3).
struct NormalizationParams {
  enum class Mode { kBackground, kMedian, kPhotometric };
  bool enabled = true;
  Mode mode = Mode::kBackground;
  bool per_channel = true;
};

/// A closed range that a quality score is clamped to before the exponential.
struct Clamp {
  double low = -3, high = 3;
};

/// Section `global_metrics` (`methodology.md` 4).
struct GlobalMetricsParams {
  enum class Mode { kV2, kInverseVariance };
  Mode mode = Mode::kV2;
  bool adaptive_weights = false;   ///< alpha, beta, gamma follow the variance of the three z-scores
  double weight_background = 0.4;  ///< alpha
  double weight_noise = 0.3;       ///< beta
  double weight_gradient = 0.3;    ///< gamma
  Clamp clamp;
  double max_frame_share = 0;  ///< of all weight, for one frame of 20 or more; 0: no limit
};

}  // namespace tilecompile
