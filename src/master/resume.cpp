#include "resume.hpp"

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/dispatch/distrust.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr double kOldTemporary_s = 5;  // nobody writes to a run whose master is gone but its last tiles

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// An object of the run, or nothing when it was never written or cannot be read.
std::string stored(ObjectStore& store, const std::string& key) {
  return store.exists(key) ? store.get(key) : "";
}

// The sections of two canonical configurations that differ.
std::string different_sections(const json& before, const json& now) {
  std::string names;
  for (const auto& [name, value] : now.items())
    if (!before.contains(name) || before[name] != value) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "(sections that are not there now)" : names;
}

std::string first_difference(const Manifest& before, const Manifest& now) {
  for (std::size_t f = 0; f < std::max(before.frames.size(), now.frames.size()); ++f) {
    if (f >= now.frames.size()) return before.frames[f].path + " is gone";
    if (f >= before.frames.size()) return now.frames[f].path + " is new";
    if (before.frames[f].path != now.frames[f].path)
      return now.frames[f].path + " stands where " + before.frames[f].path + " was";
    if (before.frames[f].sha256 != now.frames[f].sha256) return now.frames[f].path + " has other content";
  }
  if (before.registration != now.registration) return "they are calibrated or registered in another way";
  return "what the manifest says of them";
}

void check_same_configuration(ObjectStore& store, const std::string& run_id, const std::string& config_json) {
  const std::string config = stored(store, config_key(run_id));
  if (config == config_json || config.empty()) return;
  const json before = json::parse(config, nullptr, false);
  if (before.is_object())
    throw UsageError("the configuration is not the one that run " + run_id +
                     " began with; different: " + different_sections(before, json::parse(config_json)) +
                     "; resume it with the same one, or start a new run");
  log_warning("config.json of the run is damaged and written anew");
}

// Tiles with tables of the frames and tiles without are different files.
void check_same_tables(const RunUnderWay& run, const std::string& metrics_json, bool tables) {
  try {
    if (decode_frame_metrics(metrics_json).frame_tables == tables) return;
  } catch (const InputError&) {
    return;  // damaged: written anew
  }
  throw UsageError("output.tile_metrics is not what run " + run.request.run_id +
                   " began with; resume it with the same value, or start a new run");
}

// What differs for certain while some hashes are not known and some frames may still be left out.
std::string certain_difference(const Manifest& before, const Manifest& now) {
  std::map<std::string, const ManifestEntry*> frames;
  for (const ManifestEntry& frame : now.frames) frames[frame.path] = &frame;
  for (const ManifestEntry& frame : before.frames) {
    const auto found = frames.find(frame.path);
    if (found == frames.end()) return frame.path + " is gone";
    const std::string& sha256 = found->second->sha256;
    if (found->second->size_bytes != frame.size_bytes || (!sha256.empty() && sha256 != frame.sha256))
      return frame.path + " has other content";
  }
  return "";
}

// In place of what a worker may have found that was found out since: the registration, and hashes of files.
void take_own_findings(Manifest& before, const Manifest& now) {
  before.registration = now.registration;
  std::map<std::string, const ManifestEntry*> frames;
  for (const ManifestEntry& frame : now.frames) frames[frame.path] = &frame;
  for (ManifestEntry& frame : before.frames) {
    const auto found = frames.find(frame.path);
    if (found == frames.end() || found->second->size_bytes != frame.size_bytes ||
        found->second->sha256.empty() || found->second->sha256 == frame.sha256)
      continue;
    log_warning("the SHA-256 of a frame is not the one that the run began with", {{"frame", frame.path}});
    frame.sha256 = found->second->sha256;
  }
}

// `found_out`: a worker was, so that what it made of the frames is made anew.
void check_same_frames(ObjectStore& store, const std::string& run_id, const Manifest& now,
                       const std::string& manifest_json, bool frames_are_known, bool found_out) {
  const std::string manifest = stored(store, manifest_key(run_id));
  if (manifest == manifest_json || manifest.empty()) return;
  std::optional<Manifest> before;
  try {
    before = decode_manifest(manifest);
  } catch (const InputError& e) {
    log_warning(std::string("manifest.json of the run is damaged and written anew: ") + e.what());
    return;
  }
  if (found_out) take_own_findings(*before, now);
  if (found_out && encode_manifest(*before) == manifest_json) return;
  const std::string difference =
      frames_are_known ? first_difference(*before, now) : certain_difference(*before, now);
  if (difference.empty()) return;
  throw InputError("the frames are not those that run " + run_id + " began with: " + difference +
                   "; bring them back, or start a new run");
}

void check_not_ended(const RunUnderWay& run, const json& record) {
  const std::string status = record.is_object() ? record.value("status", "") : "";
  if (status == end_name(RunEnd::kDone) || status == end_name(RunEnd::kFailedValidation))
    throw UsageError("run " + run.request.run_id + " came to its end (" + status +
                     "): there is nothing to resume; its products are in " + run.directory->path().string());
}

// Without a manifest nothing else tells the night of a run that failed before it knew its frames.
void check_same_folder(const RunUnderWay& run, const json& record) {
  if (!record.is_object() || run.links.store->exists(manifest_key(run.request.run_id))) return;
  const auto dir = json::json_pointer("/configuration/input/dir");
  if (!record.contains(dir) || record[dir] == run.config.input.dir) return;
  throw UsageError("run " + run.request.run_id + " began with the frames in " + record[dir].dump() +
                   " and failed before it knew them; start a new run for those in " + run.config.input.dir);
}

}  // namespace

void open_for_resume(RunUnderWay& run) {
  const std::filesystem::path directory = std::filesystem::path(run.config.output.dir) / run.request.run_id;
  if (!std::filesystem::is_directory(directory))
    throw UsageError("there is no run " + run.request.run_id + " in " + run.config.output.dir +
                     ": check output.dir and the id; the folders there are the runs");
  run.directory.emplace(run.config.output.dir, run.request.run_id);  // locked from here on
  read_distrusted(*run.directory, run.trust);
  const json before = json::parse(file_text(directory / "run.json"), nullptr, false);
  try {
    check_not_ended(run, before);
    check_same_folder(run, before);
  } catch (const UsageError&) {
    run.directory.reset();  // its record stays as it is
    throw;
  }
  // A reference run has no other writers; workers of a distributed one may still write their last tiles.
  const bool alone = run.links.mode == RunMode::kRun &&
                     (!before.is_object() || before.value("mode", "run") == mode_name(RunMode::kRun));
  sweep(run, alone ? 0 : kOldTemporary_s);
}

void check_same_run(RunUnderWay& run, const NightFrames& frames, bool frames_are_known) {
  ObjectStore& store = *run.links.store;
  try {
    check_same_configuration(store, run.request.run_id, canonical_method_json(run.config.method));
    check_same_frames(store, run.request.run_id, *frames.manifest, frames.manifest_json, frames_are_known,
                      !run.trust.distrusted().empty());
  } catch (const Error&) {
    run.directory.reset();  // this start is none of the run's: its record stays as it is
    throw;
  }
  if (frames_are_known) std::filesystem::remove(run.directory->path() / "run.json");
}

void refuse_second_master(const RunUnderWay& run) {
  if (run.results_end) return;  // this one consumes already
  const std::string queue = results_queue(run.request.run_id, run.config.parallel.isolation);
  const auto state = run.links.transport->inspect(queue);
  if (state && state->consumers > 0)
    throw UsageError("another master consumes " + queue +
                     (queue == kResultsQueue
                          ? ": with parallel.isolation shared one run at a time has this virtual host; wait "
                            "for it, or use parallel.isolation run"
                          : ": it works on this run; wait for it, or stop it first"));
}

Journal journal_to_resume(RunUnderWay& run, const AnalysedNight& night) {
  const std::string& run_id = run.request.run_id;
  const std::string metrics = stored(*run.links.store, frame_metrics_key(run_id));
  if (!metrics.empty()) check_same_tables(run, metrics, night.analysis.metrics.frame_tables);
  Journal journal = read_journal(run.directory->path() / "journal.jsonl", run_id, run.record.tiles);
  for (const std::string& remark : journal.remarks) log_warning("journal.jsonl: " + remark);
  if (metrics.empty() || metrics == encode_frame_metrics(night.analysis.metrics)) return journal;
  log_warning(
      "frame_metrics.json of the run is not what these frames and this configuration give: nothing that was "
      "computed with it is taken over");
  run.directory->append_event("journal_dropped", {{"why", "frame metrics differ"}});
  journal.first_round.assign(journal.first_round.size(), {});
  journal.second_round.assign(journal.second_round.size(), {});
  return journal;
}

}  // namespace tilecompile
