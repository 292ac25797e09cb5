#pragma once
#include <map>
#include <string>

#include "task_sender.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/run/dispatch.hpp"

namespace tilecompile {

/// Judges the messages on the results queue of one round of a run.
class ResultCollector {
 public:
  ResultCollector(const DispatchJob& job, TileLedger& ledger, TaskSender& sender, ObjectStore& store,
                  RunDirectory& directory, const AcceptTile& accept)
      : job_(job), ledger_(ledger), sender_(sender), store_(store), directory_(directory), accept_(accept) {}

  /// Takes one message; when it returns, the message may be acknowledged. Throws what dispatch_tiles throws.
  void take(const std::string& body);

 private:
  bool concerns_us(const ResultMessage& result) const;
  void take_failure(const ResultMessage& result);
  void take_tile(const ResultMessage& result, const std::string& body);
  void check_conflict(const ResultMessage& known, const ResultMessage& result) const;

  const DispatchJob& job_;
  TileLedger& ledger_;
  TaskSender& sender_;
  ObjectStore& store_;
  RunDirectory& directory_;
  const AcceptTile& accept_;
  std::map<int, int> handed_back_;  // times by tile, without a failure
};

}  // namespace tilecompile
