#pragma once
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "tilecompile/base/phase_clock.hpp"
#include "tilecompile/base/progress.hpp"
#include "tilecompile/coadd/checks.hpp"
#include "tilecompile/coadd/trust_book.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/dispatch/worker_book.hpp"
#include "tilecompile/master/frame_rounds.hpp"
#include "tilecompile/master/master.hpp"
#include "tilecompile/passes/calibration.hpp"
#include "tilecompile/products/products.hpp"

namespace tilecompile {

/// What a worker says that the file of a frame holds.
struct GivenHash {
  std::filesystem::path file;
  FileContent content;
  std::string worker_id;
};

/// A run under way: what was asked, what it works with, and its record so far. Every phase takes it, and
/// returns what it made as a value of its own.
struct RunUnderWay : Observer {
  using Clock = std::chrono::steady_clock;
  RunUnderWay(const RunRequest& asked, const RunLinks& at_hand);
  /// Throws Interrupted after a signal and TransientError past a limit of runtime_limits.
  void check_stop() override;

  const RunRequest& request;
  const RunLinks& links;
  RunConfig config;  ///< as asked; registration adds where the camera saturates
  const int threads;
  const Clock::time_point began;
  Clock::time_point tiles_began{};
  double stack_seconds = 0;  ///< that the look at all frames took
  PhaseClock clock;
  RunRecord record;
  TrustBook trust;                             ///< which workers are believed
  std::optional<RunDirectory> directory;       ///< none until something is to be kept
  WorkerBook workers;                          ///< what they did; like trust over all rounds
  FramePieces pieces;                          ///< what they found in the frames
  std::map<std::string, GivenHash> hashes;     ///< [path of a frame] that they gave
  bool is_checked = false;                     ///< a resumed run is the one that began
  bool is_shown = false;                       ///< the onlooker has the night
  NamesToCome names;                           ///< of products that are complete
  std::vector<MadeMaster> made_masters;        ///< of this run, not remembered for others yet
  std::optional<ResultsQueueEnd> results_end;  ///< one results queue serves all rounds
};

/// Shows how far a phase has come, which ends when the run is to.
class PhaseProgress : public Progress {
 public:
  PhaseProgress(RunUnderWay& run, const std::string& phase, const std::string& unit, std::size_t total)
      : Progress(phase, unit, static_cast<int>(total), run.request.quiet), run_(run) {}
  void check_stop() override { run_.check_stop(); }
  void watch() override { run_.links.workers->watch(); }

 private:
  RunUnderWay& run_;
};

/// Says it in the log and keeps it for the record; once.
void warn(RunUnderWay& run, const std::string& text);
/// Notes a warning among the events.
void note_warning(RunUnderWay& run, const std::string& text);
/// Notes a frame that is set aside or left out among the events.
void note_frame(RunUnderWay& run, const char* event, const BadFrame& frame);
/// Notes a check among the events.
void note_check(RunUnderWay& run, const NamedCheck& check);
/// Notes a check in the record and the events; throws ContractError when it does not hold.
void require(RunUnderWay& run, NamedCheck check);

enum class RunEnd { kDone, kFailedValidation, kFailed, kInterrupted };
/// As run.json and the events name it.
const char* end_name(RunEnd end);
/// Closes the record, and removes what others left half-written.
void finish(RunUnderWay& run, RunEnd end);
/// Closes the record of a run that ends early. What ended it is told, even when the record cannot be written
/// any more.
void give_up(RunUnderWay& run, RunEnd end);
/// Removes temporary files of the run that nobody has written to for `age_s`.
void sweep(const RunUnderWay& run, double age_s);

}  // namespace tilecompile
