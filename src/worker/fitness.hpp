#pragma once
#include <atomic>
#include <mutex>
#include <string>

#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Whether this worker is fit to take tasks, as its latest tiles tell. It is not after three failures in a
/// row, and after the first one when no tile has come out well since it began or last rested: then the fault
/// is more likely here (frames not mounted, disk full) than in every tile. Safe from several threads.
class Fitness {
 public:
  /// The latest failure, and the task to try things out with.
  struct Trouble {
    TileTask task;
    std::string reply_to;
    std::string text;
  };
  static constexpr int kFailuresInARow = 3;

  /// A tile of `task` came to `result`, which holds data or a failure of a try. True for the first one that
  /// came out well after a rest.
  bool note(const TileTask& task, const std::string& reply_to, const ResultMessage& result);
  bool unfit() const { return unfit_; }
  Trouble trouble() const;
  /// Rests since a tile came out well.
  int rests_in_a_row() const;
  /// A rest is over: the next tile decides.
  void try_again();

 private:
  mutable std::mutex mutex_;
  std::atomic<bool> unfit_{false};
  bool proven_ = false;  ///< a tile came out well since the start or the latest rest
  int failures_ = 0;     ///< in a row
  int rests_ = 0;
  Trouble trouble_;
};

}  // namespace tilecompile
