#pragma once
#include <chrono>
#include <string>

#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/worker_book.hpp"

namespace tilecompile {

/// What a round looks like from outside, for Standstill.
struct RoundView {
  int done = 0;
  bool consumers = true;      ///< somebody consumes tile.compute
  bool heard = false;         ///< an answer of any kind came since the look before
  std::string alarm;          ///< why the broker takes no messages
  double slowest_tile_s = 0;  ///< so far
};

/// Whether a round goes on, and why not: said once in the log and in the events, where `status` finds it, and
/// once more when it goes on.
class Standstill {
 public:
  using Clock = std::chrono::steady_clock;
  Standstill(RunDirectory& directory, const WorkerBook& book, const RetryPolicy& retry, double stall_after_s);

  /// Called every second or so.
  void look(const RoundView& round);
  /// All tiles are done: what stood still has gone on.
  void end() { enter("", ""); }
  /// No tile was done for a while: time to ask the broker what is left of a round.
  bool quiet() const;
  /// Writing the run directory failed for `text`.
  void output_fails(const std::string& text);
  /// The latest failure when no worker is left that takes tasks, and has not been for as long as the back-off
  /// ladder is: nobody is there to try anything. Null as long as there is hope.
  const ResultMessage* hopeless() const;
  /// As long as the waits of the ladder together.
  double patience_s() const { return patience_s_; }

 private:
  struct State {
    std::string name, text;
  };
  State state_of(const RoundView& round) const;
  void enter(const std::string& name, const std::string& text);

  RunDirectory& directory_;
  const WorkerBook& book_;
  double stall_after_s_, patience_s_;
  Clock::time_point last_done_ = Clock::now(), last_heard_ = last_done_, failing_since_ = last_done_;
  int done_ = 0;
  bool consumers_ = true;  ///< at the latest look
  State state_;            ///< no name: it goes on
};

}  // namespace tilecompile
