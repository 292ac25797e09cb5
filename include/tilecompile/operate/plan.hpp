#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/master/master.hpp"

namespace tilecompile {

/// One phase of a planned run.
struct PlannedPhase {
  std::string name;
  std::uint64_t read_bytes = 0, memory_bytes = 0;
  double seconds = 0;  ///< estimated from the sample
};

/// What a run would do.
struct RunPlan {
  std::string config_hash, frames_manifest_id;
  int frames = 0, width = 0, height = 0, channels = 0;
  BandSamples samples;  ///< what the frames bring to sums
  double seeing_px = 0;
  std::string seeing_from;  ///< where the seeing comes from
  int tile_size_px = 0, overlap_px = 0, tiles = 0, synthetic_frames = 0, threads = 0;
  std::vector<std::pair<std::string, int>> tasks;  ///< parallel.batch setting, number of tasks
  int sample_frames = 0;                           ///< frames that times and seeing were measured on
  std::vector<PlannedPhase> phases;
  /// Room that the run needs: its pictures and maps in output.dir, copies of raw frames that it registers
  /// there (0: none), masters of its calibration, and, with workers, its tiles in the storage. FITS files of
  /// float32, not compressed.
  std::uint64_t products_bytes = 0, registered_bytes = 0, masters_bytes = 0, tiles_bytes = 0;
  std::vector<BadFrame> bad_frames;  ///< that the run would leave out
  std::vector<std::string> warnings;
};

/// Everything up to dispatch without computing or writing: lists and checks all frames, then measures a few
/// of them (seeing, seconds a frame) and one tile over these few. `fwhm_px` > 0 stands in for the measured
/// seeing. Errors are those that the run would end with.
RunPlan plan_run(const RunRequest& request, double fwhm_px);

nlohmann::json plan_json(const RunPlan& plan);

}  // namespace tilecompile
