#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tilecompile/protocol/worker_note.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// What the master knows of one worker of a run.
struct WorkerTally {
  int tiles = 0;                ///< results accepted
  int pieces = 0;               ///< the same of frames and bands
  int failures = 0;             ///< tries that failed
  int handed_back = 0;          ///< tiles that it did not try
  int rejected = 0;             ///< results that were not taken
  std::int64_t bytes_read = 0;  ///< for this run, as it says itself
  std::string last_failure, last_failure_time;
  std::string host;   ///< as its notes say; empty: it left none
  std::string rests;  ///< why it takes no tasks for now, as it says itself; empty: it does
};

/// The master's book on its workers, over all rounds of a run. It says in the log what it notes: the first
/// failure of a kind at once, more of them as a number with growing pauses.
class WorkerBook {
 public:
  /// A result was accepted; true when its worker said before that it takes no tasks.
  bool done(const ResultMessage& result);
  /// It has read so much for this run, it says; the text may be anything.
  void read(const std::string& worker_id, const std::string& bytes);
  void handed_back(const ResultMessage& result) { ++workers_[result.worker_id].handed_back; }
  /// A try failed; `what_follows` begins the line of log, `in_s` is when the tile is tried again.
  void failed(const ResultMessage& result, const std::string& what_follows, int in_s);
  static constexpr std::size_t kMostWorkers = 10000;  ///< more are forged names, and are counted without one
  /// A message of the results queue was not taken; `worker_id` may be empty. True when this is worth an
  /// event: for the first, second, fourth, eighth, ... of the worker.
  bool rejected(const std::string& worker_id, const std::string& why);
  /// What a worker says of itself; true when that is news. Notes are read again and again: those that are not
  /// newer than the latest of their worker, by its own clock, are none.
  bool note(const WorkerNote& note);
  /// It has put a task on tile.dlq that it does not know: of frames, which older versions do without.
  void is_older(const std::string& worker_id) { older_.insert(worker_id); }
  const std::set<std::string>& older() const { return older_; }
  /// One of them does not see the frames of calibration, or those that were started with the master did not
  /// come: none is asked for masters any more.
  void cannot_calibrate() { calibrate_ = false; }
  bool calibrate() const { return calibrate_; }

  /// The worker has had a tile accepted: it can compute.
  bool proven(const std::string& worker_id) const {
    const auto found = workers_.find(worker_id);
    return found != workers_.end() && found->second.tiles + found->second.pieces > 0;
  }
  const std::map<std::string, WorkerTally>& workers() const { return workers_; }
  /// Empty when it is not known.
  std::string host_of(const std::string& worker_id) const {
    const auto found = workers_.find(worker_id);
    return found == workers_.end() ? "" : found->second.host;
  }
  int failures() const { return failures_; }
  /// Since a result was last accepted, in whichever round, or they rested on a worker that was found out.
  int failures_since_done() const { return failures_since_done_; }
  void forget_failures() { failures_since_done_ = 0; }
  /// Of all workers; null before there is one.
  const ResultMessage* latest_failure() const { return failures_ > 0 ? &latest_failure_ : nullptr; }
  /// "barn-1: TEXT; barn-2: TEXT" of those that say that they take no tasks.
  std::string who_rests() const;

 private:
  using Clock = std::chrono::steady_clock;
  /// What the log has been told of the failures of a worker.
  struct Told {
    std::string kind;  ///< the text without its numbers
    Clock::time_point at{};
    std::chrono::seconds pause{15};
    int since = 0;
    std::string note_time;  ///< of the latest note
  };
  std::map<std::string, WorkerTally> workers_;
  std::map<std::string, Told> told_;
  std::set<std::string> older_;
  bool calibrate_ = true;
  int failures_ = 0, failures_since_done_ = 0;
  ResultMessage latest_failure_;
};

}  // namespace tilecompile
