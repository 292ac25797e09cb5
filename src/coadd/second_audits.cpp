#include "tilecompile/coadd/second_audits.hpp"

namespace tilecompile {

bool SecondAudits::ask(const ResultMessage& accepted, double now_s) {
  const auto not_by = trust_.not_auditors_of(accepted.worker_id, now_s, kHeardWithin_s);
  if (!not_by) return false;
  Waiting& waiting = waiting_[accepted.tile_id];
  waiting = {publish_(accepted.tile_id, *not_by), now_s, waiting.tries + 1};
  return true;
}

SecondAudits::Answer SecondAudits::take(const ResultMessage& result, double now_s) {
  const auto waiting = waiting_.find(result.tile_id);
  if (waiting == waiting_.end() || waiting->second.task != result.correlation_id) return Answer::kForeign;
  if (result.begun) return Answer::kWaits;
  const ResultMessage& known = ledger_.tile(result.tile_id).result;
  if (!result.failure) {
    const bool counts = result.worker_id != known.worker_id && trust_.is_confirmed(result.worker_id);
    // A tile that differs is looked into, whoever sent it.
    if (!same_data(known, result)) return Answer::kContradicts;
    waiting_.erase(waiting);
    return counts ? Answer::kAgrees : Answer::kNobody;
  }
  if (waiting->second.tries < kMostTries && ask(known, now_s)) return Answer::kWaits;
  waiting_.erase(waiting);
  return Answer::kNobody;
}

std::vector<int> SecondAudits::overdue(double now_s, double limit_s) {
  std::vector<int> tiles;
  for (const auto& [tile, waiting] : waiting_)
    if (now_s - waiting.since_s > limit_s) tiles.push_back(tile);
  for (const int tile : tiles) waiting_.erase(tile);
  return tiles;
}

}  // namespace tilecompile
