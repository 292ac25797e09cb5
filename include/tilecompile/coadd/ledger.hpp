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
  bool complete() const { return done_ == static_cast<int>(results_.size()); }
  int done() const { return done_; }
  int tile_count() const { return static_cast<int>(results_.size()); }
  bool is_done(int tile_id) const {
    return !results_[static_cast<std::size_t>(tile_id)].data_checksum.empty();
  }
  /// The accepted result of a tile; empty data_checksum when there is none yet.
  const ResultMessage& result(int tile_id) const { return results_[static_cast<std::size_t>(tile_id)]; }

 private:
  std::string run_id_;
  std::vector<ResultMessage> results_;
  int done_ = 0;
};

}  // namespace tilecompile
