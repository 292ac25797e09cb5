#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/coadd/trust_book.hpp"

namespace tilecompile {

/// Audits by a second worker: a tile that one worker gave is computed by another one too. Which tiles is
/// decided elsewhere; here it is kept which of them wait for an answer. Only workers count whose tiles the
/// master itself has found right.
class SecondAudits {
 public:
  /// Publishes a task of the tile that none of the workers named may compute; returns its correlation id.
  using Publish = std::function<std::string(int tile_id, const std::vector<std::string>& not_by)>;
  enum class Answer {
    kForeign,      ///< it answers no task of an audit
    kWaits,        ///< the second worker begins, or yet another one was asked
    kAgrees,       ///< the tile is the same; the audit is over
    kContradicts,  ///< it is another one; forgotten only by forget()
    kNobody        ///< nobody could be found; the audit is over without an outcome
  };

  SecondAudits(TileLedger& ledger, TrustBook& workers, Publish publish)
      : ledger_(ledger), trust_(workers), publish_(std::move(publish)) {}

  /// Hands the accepted tile to another worker, if possible of another host. False when there is none.
  bool ask(const ResultMessage& accepted, double now_s);
  /// Takes a result that may answer.
  Answer take(const ResultMessage& result, double now_s);
  /// Tiles that have waited for longer than `limit_s`, each told once.
  std::vector<int> overdue(double now_s, double limit_s);
  /// Ends the audit of a tile; false when there was none.
  bool forget(int tile_id) { return waiting_.erase(tile_id) > 0; }

  static constexpr int kMostTries = 4;          ///< of a tile, before nobody is found
  static constexpr double kHeardWithin_s = 60;  ///< a worker that was silent for longer is not counted on

 private:
  struct Waiting {
    std::string task;
    double since_s = 0;
    int tries = 0;
  };
  TileLedger& ledger_;
  TrustBook& trust_;
  Publish publish_;
  std::map<int, Waiting> waiting_;
};

}  // namespace tilecompile
