#include "tilecompile/master/master.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "analyse_night.hpp"
#include "frame_tasks.hpp"
#include "hash_frames.hpp"
#include "night_frames.hpp"
#include "reconstruct.hpp"
#include "resume.hpp"
#include "run_products.hpp"
#include "run_under_way.hpp"
#include "synthetic_frames.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/error_report.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/states.hpp"
#include "tilecompile/config/kept_settings.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/products/named_folder.hpp"

namespace tilecompile {
namespace {

// What was found and chosen, then every key.
std::string found_configuration(const RunRequest& request) {
  std::string text = "# tilecompile run FOLDER found and chose:\n";
  for (const std::string& choice : request.choices) text += "# - " + choice + "\n";
  return text + config_yaml(request.config);
}

void keep_settings(const RunUnderWay& run) {
  run.directory->write(kSettingsFile, encode_settings(run.request.settings));
}

// From here on something is kept of the run.
void open_directory(RunUnderWay& run) {
  const bool is_open = run.directory.has_value();
  if (!is_open) run.directory.emplace(run.config.output.dir, run.request.run_id);
  run.directory->listen(run.links.listener);
  run.directory->point_latest();
  run.directory->append_event(run.request.resume ? "run_resumed" : "run_started",
                              {{"mode", mode_name(run.links.mode)}});
  if (!run.request.resume) keep_settings(run);
  if (!run.request.choices.empty()) run.directory->write("run.yaml", found_configuration(run.request));
  if (is_open) return;
  for (const std::string& text : run.record.warnings) note_warning(run, text);
  for (const NamedCheck& check : run.record.checks) note_check(run, check);
  for (const BadFrame& frame : run.record.quarantined) note_frame(run, "frame_quarantined", frame);
  for (const BadFrame& frame : run.record.left_out) note_frame(run, "frame_left_out", frame);
}

// The last two phases where synthetic frames are wanted.
void stack_synthetic_frames(RunUnderWay& run, const AnalysedNight& night, const TileJoiner& tiles,
                            const TileRound& round, const Yardstick& yardstick) {
  const SyntheticFrames made = make_synthetic_frames(run, night, tiles, round);
  const StackingParams& stacking = run.config.method.stacking;
  const char* mean = stacking.method == StackingParams::Method::kWeightedAverage ? "weighted" : "plain";
  const std::string history = std::string("tilecompile: ") + mean + " mean of " +
                              std::to_string(made.clusters.count) + " synthetic frames";
  write_final(run, night, tiles, {"stack", stacking.output_file, {history}, {}, true}, made.stack, yardstick);
  write_frame_table(run, night, made.clusters);
}

// Where people look. The run is no worse without it.
std::filesystem::path folder_by_name(const RunUnderWay& run) {
  try {
    return gather_by_name(run.directory->path());
  } catch (const Error& e) {
    log_warning(std::string("the run has no folder of its name: ") + e.what());
    return {};
  }
}

// The night from its frames to the joined tiles. What is made of it refers to what stands before.
struct NightMade {
  NightMade(RunUnderWay& run, const NightFrames& frames, bool again) : night(analyse_night(run, frames)) {
    const bool resumes = run.request.resume || again;
    if (run.request.resume && !std::exchange(run.is_checked, true)) {
      if (frames_are_known_late(run)) check_same_run(run, night.frames, true);
      keep_settings(run);  // now that they are known to be those of this run
    }
    if (resumes) journal = journal_to_resume(run, night);
    two_at_once(
        run.threads, [&] { round = share_with_workers(run, night); },
        [&] { yardstick.sky = sky_masks(night.analysis.classical, night.analysis.metrics.seeing_px); });
    if (run.links.onlooker != nullptr && !std::exchange(run.is_shown, true))
      run.links.onlooker->night_analysed(night.analysis.classical, night.grid);
    if (resumes) round.journalled = &journal.first_round;
    made.emplace(reconstruct(run, night, round));
  }
  NightMade(const NightMade&) = delete;
  NightMade& operator=(const NightMade&) = delete;

  const AnalysedNight night;
  Journal journal;
  TileRound round;
  Yardstick yardstick;
  std::optional<Reconstruction> made;
};

// A worker that is found out over its tiles may have looked at frames before, or have given their hashes.
std::unique_ptr<NightMade> make_night(RunUnderWay& run, const NightFrames& frames, bool again) {
  const RunRecord before = run.record;
  for (;; again = true) {
    try {
      auto made = std::make_unique<NightMade>(run, frames, again);
      if (!analysis_in_doubt(run)) return made;
    } catch (const InputError& e) {
      if (!hashes_in_doubt(run, e.what())) throw;
    }
    run.record = before;
  }
}

// The first phases, until what they rest on is beyond doubt.
std::unique_ptr<NightMade> find_and_make_night(RunUnderWay& run) {
  const RunRecord before = run.record;
  const RunConfig asked = run.config;
  bool opened = false;
  for (bool again = false;; again = true) try {
      const NightFrames frames = scan_night(run, again);
      if (!std::exchange(opened, true)) {
        open_directory(run);
        refuse_second_master(run);
      }
      return make_night(run, frames, again);
    } catch (const RegistrationInDoubt&) {
      run.record = before;
      run.config = asked;
    }
}

// Nobody was found out who had a part in them. The run is no worse without it.
void remember_masters_of_workers(const RunUnderWay& run) {
  try {
    remember_masters(*run.links.store, run.made_masters);
  } catch (const Error& e) {
    log_warning(std::string("the next run has to make its masters again: ") + e.what());
  }
}

// The phases of a run, each of which takes what the ones before have made.
RunOutcome carry_out(RunUnderWay& run) {
  const std::unique_ptr<NightMade> all = find_and_make_night(run);
  const AnalysedNight& night = all->night;
  TileRound& round = all->round;
  Reconstruction& made = *all->made;
  const bool synthetic = synthetic_enabled(run.record.frames, run.config.method.synthetic);
  if (synthetic)
    run.links.workers->rest();  // the frames that are kept serve the second round
  else
    read_no_more_frames(run);
  all->yardstick.kept = without_rejected_light(night.analysis.classical, made.channels);
  write_reconstruction(run, night, made.tiles, made.channels, all->yardstick);
  if (synthetic) {
    made.channels.clear();  // written, and not needed any more
    if (round.journalled != nullptr) round.journalled = &all->journal.second_round;
    stack_synthetic_frames(run, night, made.tiles, round, all->yardstick);
  } else {
    link_final(run, night, made.tiles, {"stack", run.config.method.stacking.output_file, {}, {}, true},
               made.channels);
    write_frame_table(run, night, {});
  }
  run.names.wait();
  remember_masters_of_workers(run);
  const auto& verdict = run.record.verdict;
  const bool failed = std::any_of(verdict.begin(), verdict.end(), [](const auto& c) { return !c.passed; });
  finish(run, failed ? RunEnd::kFailedValidation : RunEnd::kDone);
  return {failed ? 3 : 0, run.directory->path(), folder_by_name(run), run.record};
}

}  // namespace

const char* mode_name(RunMode mode) { return mode == RunMode::kRun ? "run" : "master"; }

RunOutcome run_master(const RunRequest& request, const RunLinks& links) {
  RunUnderWay run(request, links);
  try {
    return carry_out(run);
  } catch (const Interrupted&) {
    give_up(run, RunEnd::kInterrupted);
    throw;
  } catch (const std::exception& e) {
    const ErrorReport report = report_of(e);
    const std::atomic<int>* signal = request.stop_signal;
    if (report.kind == ErrorKind::kTransient && signal != nullptr && *signal != 0) {
      log_info("left because of the signal: " + report.text);
      give_up(run, RunEnd::kInterrupted);
      throw Interrupted{*signal};
    }
    run.record.error_kind = kind_name(report.kind);
    run.record.error_text = report.text;
    give_up(run, RunEnd::kFailed);
    throw;
  }
}

}  // namespace tilecompile
