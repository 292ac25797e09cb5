#pragma once
#include <string>
#include <vector>

#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// What the master knows of every tile of a run; the truth about what is done, not the queue.
class TileLedger {
 public:
  enum class Verdict {
    kAccepted,   ///< first result of the tile
    kDuplicate,  ///< the same result again: silence
    kConflict,   ///< another checksum for a tile that is done: determinism is broken
    kForeign     ///< of another run, or of a tile that was never asked
  };

  TileLedger(std::string run_id, int tile_count);
  /// Judges a result that carries data and notes it when accepted.
  Verdict offer(const ResultMessage& result);
  /// Notes that a tile without a result has failed for good; a later result still counts.
  void fail(int tile_id);
  /// Every tile is done or has failed for good.
  bool complete() const { return done_ + failed_ == tile_count(); }
  int done() const { return done_; }
  int failed() const { return failed_; }
  int tile_count() const { return static_cast<int>(results_.size()); }
  bool is_done(int tile_id) const {
    return !results_[static_cast<std::size_t>(tile_id)].data_checksum.empty();
  }
  bool is_failed(int tile_id) const { return is_failed_[static_cast<std::size_t>(tile_id)]; }
  bool is_open(int tile_id) const { return !is_done(tile_id) && !is_failed(tile_id); }
  /// The accepted result of a tile; empty data_checksum when there is none yet.
  const ResultMessage& result(int tile_id) const { return results_[static_cast<std::size_t>(tile_id)]; }

 private:
  std::string run_id_;
  std::vector<ResultMessage> results_;
  std::vector<bool> is_failed_;
  int done_ = 0, failed_ = 0;
};

}  // namespace tilecompile
