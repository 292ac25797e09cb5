#include "tilecompile/master/master.hpp"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "master_run.hpp"
#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error_report.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/shared_sky.hpp"
#include "tilecompile/night/star_pass.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

constexpr double kFactorLimitFrom =
    600;  // seconds of tile work below which the factor limit never ends a run

}  // namespace

MasterRun::MasterRun(const RunRequest& request, const RunLinks& links)
    : request_(request),
      config_(request.config),
      links_(links),
      frames_(links.frames),
      threads_(thread_count(config_.parallel.threads)),
      began_(Clock::now()) {
  record_.run_id = request.run_id;
  record_.mode = request.mode;
  record_.program_version = kProgramVersion;
  record_.numerics_version = kNumericsVersion;
  record_.configuration = effective_config(config_).dump();
  record_.started = utc_now();
  if (const std::string text = ignored_keys_text(config_); !text.empty()) warn(text);
}

RunOutcome MasterRun::run() {
  try {
    scan();
    const bool had_directory = directory_.has_value();
    if (!had_directory) directory_.emplace(config_.output.dir, request_.run_id);
    directory_->listen(links_.listener);
    directory_->append_event(request_.resume ? "run_resumed" : "run_started", {{"mode", request_.mode}});
    if (!had_directory) {
      for (const NamedCheck& check : record_.checks) note_check(check);
      for (const BadFrame& frame : record_.quarantined) note_frame("frame_quarantined", frame);
      for (const BadFrame& frame : record_.left_out) note_frame("frame_left_out", frame);
    }
    analyse();
    refuse_second_master();
    if (request_.resume && config_.input.on_bad_frame != OnBadFrame::kError) check_same_run();
    if (request_.resume) read_journal_to_resume();
    share_with_workers();
    reconstruct();
    write_reconstruction();
    if (synthetic_enabled(record_.frames, config_.method.synthetic))
      make_synthetic_frames();
    else
      write_final({"stack",
                   config_.method.stacking.output_file,
                   {"tilecompile: the reconstruction is the final image"},
                   {},
                   true},
                  reconstruction_);
    write_frame_table();
    const bool failed =
        std::any_of(record_.verdict.begin(), record_.verdict.end(), [](const auto& c) { return !c.passed; });
    finish(failed ? "failed_validation" : "done");
    return {failed ? 3 : 0, directory_->path(), record_};
  } catch (const Interrupted&) {
    give_up("interrupted");
    throw;
  } catch (const std::exception& e) {
    const ErrorReport report = report_of(e);
    if (report.kind == ErrorKind::kTransient && request_.stop_signal != nullptr &&
        *request_.stop_signal != 0) {
      log_info("left because of the signal: " + report.text);
      give_up("interrupted");
      throw Interrupted{*request_.stop_signal};
    }
    record_.error_kind = kind_name(report.kind);
    record_.error_text = report.text;
    give_up("failed");
    throw;
  }
}

void MasterRun::check_stop() const {
  if (request_.stop_signal != nullptr && *request_.stop_signal != 0) throw Interrupted{*request_.stop_signal};
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  const RuntimeLimitsConfig& limits = config_.runtime_limits;
  if (limits.hard_abort_hours > 0 && seconds_since(began_) > 3600 * limits.hard_abort_hours)
    throw TransientError(
        "the run has reached runtime_limits.hard_abort_hours = " + std::to_string(limits.hard_abort_hours) +
        "; what is done is kept, raise the limit to go on");
  const double factor = limits.tile_analysis_max_factor_vs_stack;
  if (factor <= 0 || tiles_began_ == Clock::time_point{}) return;
  if (seconds_since(tiles_began_) > std::max(kFactorLimitFrom, factor * stack_seconds_))
    throw TransientError("the tiles take longer than runtime_limits.tile_analysis_max_factor_vs_stack = " +
                         std::to_string(factor) + " times the classical stack (" +
                         std::to_string(stack_seconds_) +
                         " s); what is done is kept, raise the limit or add workers");
}

void MasterRun::scan() {
  // Looked at first: frames can take hours to analyse.
  const std::filesystem::path directory = std::filesystem::path(config_.output.dir) / request_.run_id;
  if (request_.resume)
    open_for_resume();
  else if (std::filesystem::exists(directory / "run.json") ||
           std::filesystem::exists(directory / "journal.jsonl"))
    throw UsageError("the run directory " + directory.string() +
                     " holds a finished or broken run already: go on with it by --resume " + request_.run_id +
                     ", leave --run-id away for a new run, or remove the folder");
  if (config_.storage.type == StorageType::kFile && !config_.storage.root.empty() &&
      !std::filesystem::is_directory(config_.storage.root))
    throw TransientError("storage.root " + config_.storage.root +
                         " is not a folder: mount it, create it or correct the key");
  if (config_.storage.type == StorageType::kS3) probe_store(*links_.store);
  const std::vector<std::string> paths = frames_to_read();
  clock_.start("scan");
  Progress progress("reading headers", "frames", static_cast<int>(paths.size()), request_.quiet);
  take(scan_frames(frames_, paths, threads_,
                   {config_.method.data, false, config_.input.count_duplicates, [this] { check_stop(); }},
                   links_.verified, [&](int done) { progress.update(done); }),
       false);
  config_json_ = canonical_method_json(config_.method);
  record_.config_hash = sha256_hex(config_json_);
  warn_of_small_cache();
  check_hard_assumptions(*manifest_, config_.method.data);
  require(check_weights_sum(config_.method.global_metrics));
  check_stop();
  note_manifest();
  // A look at the pixels can still leave out frames; then the frames are known after it.
  if (request_.resume && config_.input.on_bad_frame == OnBadFrame::kError) check_same_run();
}

void MasterRun::warn_of_small_cache() {
  std::uint64_t bytes = 0;
  for (const ManifestEntry& frame : manifest_->frames) bytes += frame.size_bytes;
  if (!frames_.cache || frames_.cache->holds(bytes)) return;
  const std::string text = "the frames have " + std::to_string((bytes >> 20) + 1) +
                           " MiB, more than cache.size_limit_mb: they will be fetched many times";
  warn(text);
}

// One look at all frames; false when some were bad and are left out now.
bool MasterRun::analyse_once() {
  const FrameSource source = frame_source();
  clock_.start("analyse frames");
  const auto began = Clock::now();
  {
    Progress progress("analysing frames", "frames", record_.frames, request_.quiet);
    analysis_ = analyse_frames(source, config_.method, threads_, [&](int done) { progress.update(done); });
  }
  if (std::vector<BadFrame> bad = analysis_.bad_frames; !bad.empty()) {
    if (config_.input.on_bad_frame == OnBadFrame::kError) add_other_bad_frames(bad);
    set_aside(bad);
    return false;
  }
  check_stop();
  stack_seconds_ = std::chrono::duration<double>(Clock::now() - began).count();
  clock_.start("measure seeing");
  const ProofJob proof = proof_job(source);
  const ProofList proof_stars = find_proof_stars(proof, analysis_);
  {
    Progress progress("measuring stars", "frames", record_.frames, request_.quiet);
    measure_seeing(
        analysis_, source, config_.method, threads_, [&](int done) { progress.update(done); }, proof_stars);
  }
  return note_proofs(judge_proofs(proof, analysis_, proof_stars));
}

void MasterRun::analyse() {
  while (!analyse_once()) {
    check_hard_assumptions(*manifest_, config_.method.data);
    note_manifest();
  }
  for (const std::string& text : header_warnings(*manifest_)) warn(text);
  for (const std::string& text : file_warnings(*manifest_)) warn(text);
  first_frame_ = frame_source().file(0);
  check_stop();
  grid_ = build_grid(record_.width, record_.height, analysis_.metrics.seeing_px, config_.method.tile);
  check_analysis();
  for (const std::string& warning : analysis_.warnings) warn(warning);
  record_.seeing_px = analysis_.metrics.seeing_px;
  record_.reference_stars = static_cast<int>(analysis_.metrics.stars.size());
  record_.tiles = static_cast<int>(grid_.tiles.size());
  record_.tile_size_px = grid_.size;
  for (const Box& tile : grid_.tiles) {
    const auto stars = stars_in_tile(tile, analysis_.metrics.stars, analysis_.metrics.star_radius_px);
    record_.star_tiles += tile_kind(stars.size(), config_.method.tile) == TileKind::kStar ? 1 : 0;
  }
  log_info("frames analysed", {{"frames", std::to_string(record_.frames)},
                               {"seeing_px", std::to_string(record_.seeing_px)},
                               {"reference_stars", std::to_string(record_.reference_stars)},
                               {"tiles", std::to_string(record_.tiles)},
                               {"tile_size_px", std::to_string(record_.tile_size_px)}});
}

// An object that workers need, on the shared storage and, where that is another place, in the run directory
// too.
void MasterRun::share(const std::string& key, const std::string& name, const std::string& bytes) {
  links_.store->put(key, bytes);
  if (config_.storage.type != StorageType::kFile ||
      std::filesystem::absolute(storage_root(config_)) != std::filesystem::absolute(config_.output.dir))
    directory_->write(name, bytes);
}

void MasterRun::share_with_workers() {
  metrics_json_ = encode_frame_metrics(analysis_.metrics);
  share(manifest_key(request_.run_id), "manifest.json", manifest_json_);
  share(config_key(request_.run_id), "config.json", config_json_);
  share(frame_metrics_key(request_.run_id), "frame_metrics.json", metrics_json_);
  directory_->write("grid.json", encode_grid(grid_, analysis_.metrics, config_.method.tile));
  write_frame_table();
}

RunOutcome run_master(const RunRequest& request, const RunLinks& links) {
  return MasterRun(request, links).run();
}

}  // namespace tilecompile
