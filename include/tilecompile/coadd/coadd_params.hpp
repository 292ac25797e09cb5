#pragma once
#include <string>

namespace tilecompile {

/// Section `synthetic` (`methodology.md` 11).
struct SyntheticParams {
  enum class Enabled { kAuto, kOn, kOff };
  enum class Weighting { kTileWeighted, kGlobal };
  Enabled enabled = Enabled::kAuto;
  Weighting weighting = Weighting::kTileWeighted;
  int frames_min = 15;
  int frames_max = 30;
};

/// Section `stacking` (`methodology.md` 11).
struct StackingParams {
  enum class Engine { kInternal, kSiril };
  enum class Method { kAverage, kWeightedAverage };
  Engine engine = Engine::kInternal;
  Method method = Method::kAverage;
  std::string input_dir = "synthetic";
  std::string input_pattern = "syn_*.fits";
  std::string output_file = "stacked.fit";
};

/// Section `validation` (`methodology.md` 12). The defaults let everything pass: figures are always reported,
/// and judged by the thresholds that a configuration names.
struct ValidationParams {
  double min_fwhm_improvement_percent = -1000;
  double max_background_rms_increase_percent = 10000;
  double min_tile_weight_variance = 0;
  bool require_no_tile_pattern = false;
};

}  // namespace tilecompile
