#include "upstream_keys.hpp"

#include <algorithm>

namespace tilecompile {

const std::vector<std::string>& upstream_keys() {
  static const std::vector<std::string> keys = {
      "assumptions",
      "astrometry",
      "bge",
      "chroma_denoise",
      "clustering",
      "debayer",
      "dithering",
      "linearity",
      "pcc",
      "tile_denoise",
      "wiener_denoise",
      "pipeline.max_frames",
      "data.bayer_pattern",
      "output.artifacts_dir",
      "output.crop_to_nonzero_bbox",
      "output.registered_dir",
      "output.write_global_metrics",
      "output.write_global_registration",
      "output.write_registered_frames",
      "registration.enable_star_pair_fallback",
      "registration.reject_cc_mad_multiplier",
      "registration.reject_cc_min_abs",
      "registration.reject_outliers",
      "registration.reject_scale_max",
      "registration.reject_scale_min",
      "registration.reject_shift_median_multiplier",
      "registration.reject_shift_px_min",
      "registration.star_dist_bin_px",
      "registration.star_inlier_tol_px",
      "registration.star_min_inliers",
      "registration.star_topk",
      "registration.transform_model",
      "global_metrics.adaptive_weights",
      "global_metrics.weight_exponent_scale",
      "synthetic.clustering.cluster_count_range",
      "stacking.cluster_quality_weighting",
      "stacking.common_overlap_required_fraction",
      "stacking.cosmetic_correction",
      "stacking.cosmetic_correction_sigma",
      "stacking.output_stretch",
      "stacking.per_frame_cosmetic_correction",
      "stacking.per_frame_cosmetic_correction_sigma",
      "stacking.sigma_clip",
      "stacking.tile_common_valid_min_fraction",
      "runtime_limits.acceleration_backend",
      "runtime_limits.allow_emergency_mode",
      "runtime_limits.memory_budget",
      "runtime_limits.parallel_workers",
      "runtime_limits.tile_reconstruction_diagnostics",
  };
  return keys;
}

bool is_upstream_key(const std::string& path) {
  const auto& keys = upstream_keys();
  return std::find(keys.begin(), keys.end(), path) != keys.end();
}

}  // namespace tilecompile
