#include "night_frames.hpp"
#include "resume.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

// Looked at first: frames can take hours to analyse.
void check_places(RunUnderWay& run) {
  const std::filesystem::path directory = std::filesystem::path(run.config.output.dir) / run.request.run_id;
  if (run.request.resume)
    open_for_resume(run);
  else if (std::filesystem::exists(directory / "run.json") ||
           std::filesystem::exists(directory / "journal.jsonl"))
    throw UsageError("the run directory " + directory.string() +
                     " holds a finished or broken run already: go on with it by --resume " +
                     run.request.run_id + ", leave --run-id away for a new run, or remove the folder");
  const StorageConfig& storage = run.config.storage;
  if (storage.type == StorageType::kFile && !storage.root.empty() &&
      !std::filesystem::is_directory(storage.root))
    throw TransientError("storage.root " + storage.root +
                         " is not a folder: mount it, create it or correct the key");
  if (storage.type == StorageType::kS3) probe_store(*run.links.store);
}

void warn_of_small_cache(RunUnderWay& run, const NightFrames& frames) {
  std::uint64_t bytes = 0;
  for (const ManifestEntry& frame : frames.manifest->frames) bytes += frame.size_bytes;
  if (!frames.origin.cache || frames.origin.cache->holds(bytes)) return;
  warn(run, "the frames have " + std::to_string((bytes >> 20) + 1) +
                " MiB, more than cache.size_limit_mb: they will be fetched many times");
}

}  // namespace

NightFrames scan_night(RunUnderWay& run, bool again) {
  if (!again) check_places(run);
  NightFrames frames{run.links.frames, {}, {}};
  if (calibrates(run.config))
    register_raw_frames(run, frames);
  else
    scan_files(run, frames, list_or_register(run, frames), false);
  const DataParams& data = run.config.method.data;
  run.record.config_hash = sha256_hex(canonical_method_json(run.config.method));
  warn_of_small_cache(run, frames);
  check_hard_assumptions(*frames.manifest, data);
  require(run, check_weights_sum(run.config.method.global_metrics));
  run.check_stop();
  note_manifest(run, frames);
  const int target = data.frames_target;
  if (run.record.frames < target)
    log_info("fewer frames than data.frames_target; the result gains with their number",
             {{"frames", std::to_string(run.record.frames)}, {"frames_target", std::to_string(target)}});
  if (run.request.resume && !again) check_same_run(run, frames, !frames_are_known_late(run));
  return frames;
}

}  // namespace tilecompile
