#include <algorithm>
#include <cmath>
#include <cstdio>

#include "key_table.hpp"

namespace tilecompile {
namespace {

using Weights = std::vector<std::pair<std::string, double>>;

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

void check_sum(std::vector<Conflict>& conflicts, const std::string& section, const Weights& weights) {
  double sum = 0;
  Conflict conflict;
  std::string terms;
  for (const auto& [name, weight] : weights) {
    sum += weight;
    conflict.keys.push_back(section + "." + name);
    terms += (terms.empty() ? "" : " + ") + name + " " + rounded(weight);
  }
  if (std::abs(sum - 1) <= 1e-9) return;
  conflict.text = "the weights of '" + section + "' must sum to 1, found " + rounded(sum) + ": " + terms;
  conflicts.push_back(conflict);
}

/// Products of a run that a final image of the same name would overwrite.
bool is_reserved(const std::string& path) {
  static const std::vector<std::string> files = {"classical.fits", "reconstruction.fits",
                                                 "tile_metrics.fits"};
  return std::find(files.begin(), files.end(), path) != files.end() || path.rfind("tiles/", 0) == 0 ||
         path.rfind("synthetic/", 0) == 0;
}

/// Names joined by '/', as keys of a bucket are made of.
bool is_plain_prefix(const std::string& text) {
  const std::string framed = "/" + text + "/";
  for (const char* odd : {"//", "/./", "/../"})
    if (framed.find(odd) != std::string::npos) return text.empty();
  return true;
}

void check_s3(std::vector<Conflict>& conflicts, const RunConfig& config) {
  const S3Config& s3 = config.storage.s3;
  const auto refuse = [&](const std::vector<std::string>& keys, const std::string& text) {
    conflicts.push_back({keys, text});
  };
  for (const auto& [key, prefix] :
       {std::pair{"storage.s3.prefix", s3.prefix}, std::pair{"storage.s3.frames_prefix", s3.frames_prefix}})
    if (!is_plain_prefix(prefix))
      refuse({key}, "'" + std::string(key) + "' must be names joined by '/', none at either end, found " +
                        quoted(prefix));
  if (s3.bucket.empty() && (config.storage.type == StorageType::kS3 || !s3.frames_prefix.empty()))
    refuse(
        {"storage.s3.bucket", "storage.type", "storage.s3.frames_prefix"},
        "'storage.s3.bucket' is not set: name the bucket, or keep to 'storage.type: file' and 'input.dir'");
  if (config.storage.upload_frames && config.storage.type != StorageType::kS3)
    refuse({"storage.upload_frames", "storage.type"},
           "'storage.upload_frames' brings frames into a bucket: set 'storage.type: s3', or leave it false");
  if (config.storage.upload_frames && !s3.frames_prefix.empty())
    refuse({"storage.upload_frames", "storage.s3.frames_prefix"},
           "'storage.upload_frames' is for frames of 'input.dir'; those of 'storage.s3.frames_prefix' are in "
           "the bucket already: leave one of the two");
  if (s3.frames_prefix.empty()) return;
  if (!config.input.dir.empty())
    refuse({"storage.s3.frames_prefix", "input.dir"},
           "'storage.s3.frames_prefix' and 'input.dir' both say where the frames lie: leave one empty");
  if (config.cache.dir.empty())
    refuse({"storage.s3.frames_prefix", "cache.dir"},
           "'cache.dir' is not set: frames of a bucket are read from copies in that folder");
  if (config.input.stage == InputStage::kRaw && !calibrates(config))
    refuse({"input.stage", "storage.s3.frames_prefix"},
           "raw frames are registered from a folder: name it in 'input.dir' and leave "
           "'storage.s3.frames_prefix' empty");
  if (config.storage.type == StorageType::kS3 && (s3.prefix + "/").rfind(s3.frames_prefix + "/", 0) == 0)
    refuse({"storage.s3.prefix", "storage.s3.frames_prefix"},
           "'storage.s3.prefix' lies below 'storage.s3.frames_prefix', so tiles would be taken for frames: "
           "keep them apart");
}

// Frames that are to be used must come from somewhere.
void check_calibration(std::vector<Conflict>& conflicts, const RunConfig& config) {
  if (!calibrates(config)) return;
  const CalibrationConfig& c = config.calibration;
  const auto check = [&](bool use, bool use_master, const std::string& name, const std::string& folder_key,
                         const std::string& folder, const std::string& master) {
    const std::string key = "calibration." + (use_master ? name + "_master" : folder_key);
    if (use && (use_master ? master : folder).empty())
      conflicts.push_back({{"calibration.use_" + name, key},
                           "'" + key + "' is not set, but 'calibration.use_" + name + "' is true: name the " +
                               (use_master ? "file" : "folder") + ", or set it to false"});
  };
  check(c.use_bias, c.bias_use_master, "bias", "bias_dir", c.bias_dir, c.bias_master);
  check(c.use_dark, c.dark_use_master, "dark", "darks_dir", c.darks_dir, c.dark_master);
  check(c.use_flat, c.flat_use_master, "flat", "flats_dir", c.flats_dir, c.flat_master);
  if (c.use_dark && c.dark_scaling && !c.use_bias && !c.dark_already_bias_corrected)
    conflicts.push_back({{"calibration.dark_scaling"},
                         "'calibration.dark_scaling' scales what darks have above the bias: set "
                         "'calibration.use_bias' and name biases, or leave it false"});
}

// What needs all frames of a pixel at once, or tells of whole tiles, cannot be had from some of the frames.
void check_frame_chunks(std::vector<Conflict>& conflicts, const RunConfig& config) {
  if (config.parallel.frame_chunks == 0) return;
  const auto refuse = [&](const std::string& key, const std::string& value) {
    conflicts.push_back(
        {{"parallel.frame_chunks", key},
         "'parallel.frame_chunks' computes tiles from some of their frames at a time, which '" + key + ": " +
             value + "' does not allow: set 'parallel.frame_chunks: 0' or '" + key + "' to its default"});
  };
  const ReconstructionParams& method = config.method.reconstruction;
  if (method.rejection.mode != RejectionParams::Mode::kNone) refuse("reconstruction.rejection", "sigma_clip");
  if (method.noise_guard.mode != NoiseGuardParams::Mode::kOff)
    refuse("reconstruction.noise_guard", "significance");
  if (config.diagnostics.enabled) refuse("diagnostics.enabled", "true");
}

}  // namespace

std::vector<Conflict> find_conflicts(const RunConfig& config) {
  std::vector<Conflict> conflicts;
  const MethodConfig& method = config.method;
  check_sum(conflicts, "global_metrics.weights",
            {{"background", method.global_metrics.weight_background},
             {"noise", method.global_metrics.weight_noise},
             {"gradient", method.global_metrics.weight_gradient}});
  check_sum(conflicts, "local_metrics.star_mode.weights",
            {{"fwhm", method.local_metrics.star_weight_fwhm},
             {"roundness", method.local_metrics.star_weight_roundness},
             {"contrast", method.local_metrics.star_weight_contrast}});
  check_sum(conflicts, "local_metrics.structure_mode",
            {{"background_weight", method.local_metrics.structure_weight_background},
             {"metric_weight", method.local_metrics.structure_weight_metric}});
  if (method.synthetic.frames_min > method.synthetic.frames_max) {
    conflicts.push_back({{"synthetic.frames_min", "synthetic.frames_max"},
                         "'synthetic.frames_min' must not exceed 'synthetic.frames_max', found " +
                             std::to_string(method.synthetic.frames_min) + " and " +
                             std::to_string(method.synthetic.frames_max)});
  }
  const NoiseGuardParams& guard = method.reconstruction.noise_guard;
  if (!(guard.low < guard.high))
    conflicts.push_back(
        {{"reconstruction.noise_guard_low", "reconstruction.noise_guard_high"},
         "'reconstruction.noise_guard_low' must be below 'reconstruction.noise_guard_high', found " +
             rounded(guard.low) + " and " + rounded(guard.high)});
  if (method.stacking.engine == StackingParams::Engine::kSiril &&
      method.stacking.method != StackingParams::Method::kAverage)
    conflicts.push_back({{"stacking.engine", "stacking.method"},
                         "'stacking.engine: siril' checks a plain mean: set 'stacking.method: average' or "
                         "'stacking.engine: internal'"});
  if (is_reserved(method.stacking.output_file)) {
    conflicts.push_back({{"stacking.output_file"},
                         "'stacking.output_file' would overwrite another product of the run, found " +
                             quoted(method.stacking.output_file)});
  }
  check_frame_chunks(conflicts, config);
  if (!config.output.tile_metrics && config.validation.min_tile_weight_variance > 0)
    conflicts.push_back({{"validation.min_tile_weight_variance", "output.tile_metrics"},
                         "'validation.min_tile_weight_variance' judges weights that "
                         "'output.tile_metrics: false' leaves out: set one of them to its default"});
  if (config.parallel.isolation == Isolation::kVhost && config.broker.vhost == "/") {
    conflicts.push_back(
        {{"parallel.isolation", "broker.vhost"},
         "'parallel.isolation: vhost' needs a virtual host of its own in 'broker.vhost', found "
         "the common one '/'"});
  }
  check_s3(conflicts, config);
  check_calibration(conflicts, config);
  return conflicts;
}

}  // namespace tilecompile
