#include "run_under_way.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/process_usage.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/products/run_report.hpp"

namespace tilecompile {
namespace {

constexpr double kFactorLimitFrom =
    600;  // seconds of tile work below which the factor limit never ends a run
constexpr double kAbandonedAfter_s = 30;

// What the master did to find out whether workers gave right tiles.
void note_audit(RunUnderWay& run) {
  if (run.links.own == nullptr) return;
  const TrustBook& book = run.trust;
  nlohmann::json distrusted = nlohmann::json::array();
  int refused = 0;
  std::string names;
  for (const auto& [id, worker] : book.workers()) {
    refused += worker.refused;
    if (worker.wrong.empty()) continue;
    distrusted.push_back({{"worker_id", id}, {"why", worker.wrong}});
    names += (names.empty() ? "" : ", ") + id;
  }
  nlohmann::json by = nlohmann::json::array();
  for (const auto& [who, tiles] : book.audits_by)
    by.push_back({{"worker_id", who.first}, {"by", who.second}, {"tiles", tiles}});
  run.record.audit = nlohmann::json{
      {"percent", run.config.parallel.audit_percent},
      {"tiles", book.audits},
      {"found_right", by},
      {"odd_tiles", book.odd_tiles},
      {"contradictions", book.contradictions},
      {"results_refused", refused},
      {"tiles_by_master", book.own_tiles},
      {"tiles_computed_again", book.computed_again},
      {"distrusted_workers",
       distrusted}}.dump();
  if (!names.empty())
    warn(run, "workers gave wrong tiles, which were computed again: " + names +
                  "; look after memory, processor and version of their hosts");
}

}  // namespace

RunUnderWay::RunUnderWay(const RunRequest& asked, const RunLinks& at_hand)
    : request(asked),
      links(at_hand),
      config(asked.config),
      threads(thread_count(config.parallel.threads)),
      began(Clock::now()) {
  record.run_id = request.run_id;
  record.mode = mode_name(links.mode);
  record.program_version = kProgramVersion;
  record.numerics_version = kNumericsVersion;
  const nlohmann::json configuration = effective_config(config);
  record.configuration = configuration.dump();
  record.profile = configuration.at("profile");
  record.profile_why = config.profile_why;
  log_info("profile " + record.profile + ": " + record.profile_why);
  record.started = utc_now();
  if (const std::string text = ignored_keys_text(config); !text.empty()) warn(*this, text);
}

void warn(RunUnderWay& run, const std::string& text) {
  const auto& known = run.record.warnings;
  if (std::find(known.begin(), known.end(), text) != known.end()) return;
  log_warning(text);
  run.record.warnings.push_back(text);
  if (run.directory) note_warning(run, text);
}

void note_warning(RunUnderWay& run, const std::string& text) {
  run.directory->append_event("warning", {{"text", text}});
}

void note_frame(RunUnderWay& run, const char* event, const BadFrame& frame) {
  run.directory->append_event(event, {{"frame", frame.path}, {"reason", frame.reason}});
}

void note_check(RunUnderWay& run, const NamedCheck& check) {
  run.directory->append_event("check", {{"name", check.name},
                                        {"phase", check.phase},
                                        {"passed", check.passed ? "true" : "false"},
                                        {"text", check.text}});
}

void require(RunUnderWay& run, NamedCheck check) {
  run.record.checks.push_back(check);
  if (run.directory) note_check(run, check);
  if (check.passed) return;
  throw ContractError("the run broke the rule " + check.name + " (" + check.phase + "): " + check.text +
                      "; please report this with run.json and the log");
}

void RunUnderWay::check_stop() {
  const std::atomic<int>* signal = request.stop_signal;
  if (signal != nullptr && *signal != 0) throw Interrupted{*signal};
  const RuntimeLimitsConfig& limits = config.runtime_limits;
  if (limits.hard_abort_hours > 0 && seconds_since(began) > 3600 * limits.hard_abort_hours)
    throw TransientError(
        "the run has reached runtime_limits.hard_abort_hours = " + std::to_string(limits.hard_abort_hours) +
        "; what is done is kept, raise the limit to go on");
  const double factor = limits.tile_analysis_max_factor_vs_stack;
  if (factor <= 0 || tiles_began == Clock::time_point{}) return;
  if (seconds_since(tiles_began) > std::max(kFactorLimitFrom, factor * stack_seconds))
    throw TransientError("the tiles take longer than runtime_limits.tile_analysis_max_factor_vs_stack = " +
                         std::to_string(factor) + " times the classical stack (" +
                         std::to_string(stack_seconds) +
                         " s); what is done is kept, raise the limit or add workers");
}

namespace {

// For the eye only: a run is no worse without it, so nothing that goes wrong here ends it. It reads run.json,
// which gets one more warning when there is no report.
void write_page(RunUnderWay& run) {
  const auto began = RunUnderWay::Clock::now();
  const std::string directory = run.directory->path().string();
  try {
    write_run_report(directory, run.threads);
    run.directory->append_event("report_written", {{"seconds", std::to_string(seconds_since(began))}});
  } catch (const std::exception& e) {
    warn(run, std::string("the run has no report: ") + e.what() + "; 'tilecompile report " + directory +
                  "' tries again");
    run.directory->write("run.json", encode_run_record(run.record));
  }
}

}  // namespace

const char* end_name(RunEnd end) {
  switch (end) {
    case RunEnd::kDone:
      return "done";
    case RunEnd::kFailedValidation:
      return "failed_validation";
    case RunEnd::kFailed:
      return "failed";
    case RunEnd::kInterrupted:
      break;
  }
  return "interrupted";
}

void finish(RunUnderWay& run, RunEnd end) {
  run.clock.stop();
  run.record.status = end_name(end);
  run.record.phases = run.clock.phases();
  run.record.workers.clear();
  for (const auto& [id, w] : run.workers.workers())
    run.record.workers.push_back({id, w.tiles, w.failures, w.handed_back, w.rejected, w.last_failure,
                                  w.last_failure_time, w.bytes_read});
  run.record.bytes_read = process_bytes_read();
  run.record.peak_memory_bytes = process_peak_memory();
  run.record.finished = utc_now();
  note_audit(run);
  run.directory->write("run.json", encode_run_record(run.record));
  if (end != RunEnd::kInterrupted) write_page(run);  // who stops a run does not want to wait
  run.directory->append_event(std::string("run_") + end_name(end));
  // A worker of this process has come to its end when the run has; others may still be writing.
  const bool complete = end == RunEnd::kDone || end == RunEnd::kFailedValidation;
  sweep(run, run.links.mode == RunMode::kRun && complete ? 0 : kAbandonedAfter_s);
  run.results_end.reset();  // last: it waits for a broker that has gone away
}

// What a worker or a master left half-written when it died; files still being written are younger.
void sweep(const RunUnderWay& run, double age_s) {
  std::size_t swept = sweep_temporary_files(run.directory->path(), age_s);
  const auto stored = storage_root(run.config) / run.request.run_id;
  if (std::filesystem::is_directory(stored)) swept += sweep_temporary_files(stored, age_s);
  if (swept > 0) log_info("left-over temporary files removed", {{"files", std::to_string(swept)}});
}

void give_up(RunUnderWay& run, RunEnd end) {
  if (!run.directory) return;  // it failed before anything was done
  run.names.settle();
  try {
    finish(run, end);
    // What is wrong with the frames is cured by other frames, which are another run.
    const bool by_input = run.record.error_kind == kind_name(ErrorKind::kInput);
    if (by_input && run.tiles_began == RunUnderWay::Clock::time_point{}) return;
    log_warning("the run can go on where it stopped: give the same command --resume " + run.request.run_id);
  } catch (const std::exception& e) {
    log_warning(std::string("the record of the run is lost: ") + e.what());
  }
}

}  // namespace tilecompile
