#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tilecompile/base/phase_clock.hpp"
#include "tilecompile/coadd/checks.hpp"
#include "tilecompile/coadd/quality.hpp"
#include "tilecompile/coadd/verdict.hpp"
#include "tilecompile/header/bad_frame.hpp"

namespace tilecompile {

/// A product of a run and its figures.
struct ProductRecord {
  std::string name;    ///< "classical", "reconstruction", ...
  std::string file;    ///< relative to the run directory
  std::string digest;  ///< SHA-256 of the pixel data
  std::vector<ProductQuality>
      common_area;  ///< [channel] inside the area that all frames cover; empty without one
  std::vector<ProductQuality> covered_area{};  ///< [channel] wherever some frame covers
  std::vector<TilePattern> pattern{};          ///< [channel]
  std::vector<PictureFigures> figures{};       ///< [channel] of which the areas' are taken; not in run.json
};

/// What a worker did in a run, as its master saw it.
struct WorkerRecord {
  std::string worker_id;  ///< empty: of messages that name nobody
  int tiles = 0, failures = 0, handed_back = 0, rejected = 0;
  std::string last_failure, last_failure_time;
  std::int64_t bytes_read = 0;  ///< by its process for this run, as its results say
};

/// The record of a run as run.json holds it.
struct RunRecord {
  std::string status = "running";  ///< running | done | failed_validation | failed | interrupted
  std::string run_id, program_version, numerics_version, config_hash, frames_manifest_id;
  std::string started, finished;  ///< UTC, ISO 8601
  std::string mode;               ///< run | master
  std::string profile;            ///< recommended | smart-telescope | fast | v2
  std::string profile_why;        ///< for people: what chose it
  std::string configuration;      ///< JSON, as effective_config gives it
  int frames = 0, width = 0, height = 0, channels = 0;
  double seeing_px = 0;
  int reference_stars = 0;
  int tile_size_px = 0, tiles = 0, star_tiles = 0, tiles_with_fallback = 0;
  int failed_tiles = 0;   ///< failed for good: holes in the pictures
  int resumed_tiles = 0;  ///< taken over from an earlier start of the run, both rounds
  std::vector<PhaseCost> phases;
  double worker_compute_seconds = 0;
  std::vector<WorkerRecord> workers;  ///< by name
  std::int64_t bytes_read = 0;
  std::int64_t peak_memory_bytes = 0;
  std::vector<ProductRecord> products;
  std::vector<int> cluster_sizes;     ///< frames of every synthetic frame; empty when none were made
  std::vector<VerdictCheck> verdict;  ///< of the final product
  std::vector<NamedCheck> checks;     ///< in the order in which they were made
  double usable_signal_tiles_percent = 0;
  std::string rejection;              ///< JSON: pixels that were rejected; empty without rejection
  std::string diagnostics;            ///< JSON: what was collected; empty when not asked for
  std::string audit;                  ///< JSON: how workers were checked; empty in one process
  std::vector<BadFrame> quarantined;  ///< bad frames, in the order in which they were found
  std::vector<BadFrame> left_out;     ///< no frames, or frames once more: no error
  std::vector<std::string> warnings;
  std::string error_kind, error_text;  ///< set when status is failed
};

/// "R", "G", "B" of three channels, nothing of a single one or of all together, else the number.
std::string channel_name(int channel, int channels);

/// The bytes of run.json.
std::string encode_run_record(const RunRecord& record);

}  // namespace tilecompile
