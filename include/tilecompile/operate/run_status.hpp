#pragma once
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tilecompile {

/// What went wrong with a worker.
struct WorkerTrouble {
  int failures = 0;     ///< tries that failed
  int handed_back = 0;  ///< tiles that it did not try
  int rejected = 0;     ///< results of it that were not taken, about
  std::string last_failure;
  std::string rests;  ///< why it takes no tasks for now; empty: it does, or says nothing
};

/// How a worker gets on.
struct WorkerPace {
  double compute_seconds = 0;  ///< that its accepted tiles took, summed over its slots
  double last_seen_s = -1;     ///< since 1970, when its master last heard of it; -1: the logs do not tell
};

/// How a run stands, as its directory tells.
struct RunStatus {
  std::string run_id;
  /// running | killed (its master is gone without a word) | what run.json says: done, failed_validation,
  /// failed, interrupted.
  std::string status;
  std::string phase;     ///< of a run under way, or where it ended
  int tiles = 0;         ///< of the grid; 0 before there is one
  int done = 0;          ///< of the present round
  int failed = 0;        ///< for good, of the present round
  int retried = 0;       ///< failures that were or will be tried again, all rounds
  int handed_back = 0;   ///< times that a tile came back untried, all rounds
  int lost = 0;          ///< tiles whose tasks were lost and sent again, all rounds
  int dead_letters = 0;  ///< tiles given up, all rounds
  bool second_round = false;
  std::map<std::string, int> workers;             ///< tiles of each worker that has had a result accepted
  std::map<std::string, WorkerPace> paces;        ///< of the same workers, and of those in trouble
  std::map<std::string, WorkerTrouble> troubles;  ///< of the latest start; an empty name: nobody known
  double tiles_a_second = 0;                      ///< of the present round so far; 0 when nothing can be said
  double eta_s = -1;                              ///< of the present round; -1 when nothing can be said
  std::string error;
  /// Of a running one that does not go on: disk full, every task fails, waiting for workers, stalled, ...
  std::string state;
  std::string waits_for;  ///< what keeps it from going on
};

/// The run's directory: a path as it is (of a folder that has a run's name, the run directory beside it), a
/// run id or such a name below `output_dir` or the first characters of one, and with
/// `latest` or an empty `run` the run in `output_dir` that wrote last. Throws UsageError when there is none,
/// or several begin alike.
std::filesystem::path find_run_directory(const std::string& run, const std::filesystem::path& output_dir);

/// Reads the status; whoever writes to the directory is not disturbed, and lines being written are left out.
RunStatus read_run_status(const std::filesystem::path& run_directory);
nlohmann::json status_json(const RunStatus& status);

}  // namespace tilecompile
