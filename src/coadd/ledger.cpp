#include "tilecompile/coadd/ledger.hpp"

#include <algorithm>
#include <utility>

namespace tilecompile {
namespace {

constexpr int kHandedOnAtOnce = 3;

}  // namespace

TileLedger::TileLedger(std::string run_id, int tile_count, const RetryPolicy& policy, int input_tries)
    : run_id_(std::move(run_id)),
      policy_(policy),
      input_tries_(input_tries),
      tiles_(static_cast<std::size_t>(tile_count)),
      open_(tile_count) {}

bool TileLedger::is_pending(int tile_id) const {
  const Phase phase = tile(tile_id).phase;
  return phase == Phase::kOpen || phase == Phase::kSent || phase == Phase::kWaiting || phase == Phase::kOwn;
}

// The only place where a phase changes.
void TileLedger::move(Tile& tile, Phase to) {
  const auto count = [this](Phase phase) -> int* {
    switch (phase) {
      case Phase::kOpen:
        return &open_;
      case Phase::kDone:
        return &done_;
      case Phase::kFailed:
        return &failed_;
      case Phase::kNotAsked:
        return &not_asked_;
      default:
        return nullptr;
    }
  };
  if (int* left = count(tile.phase)) --*left;
  if (int* entered = count(to)) ++*entered;
  tile.phase = to;
}

TileLedger::Verdict TileLedger::offer(const ResultMessage& result) {
  if (result.run_id != run_id_ || result.tile_id < 0 || result.tile_id >= tile_count())
    return Verdict::kForeign;
  Tile& tile = at(result.tile_id);
  if (tile.phase == Phase::kDone)
    return tile.result.data_checksum == result.data_checksum ? Verdict::kDuplicate : Verdict::kConflict;
  tile.result = result;
  tile.task.clear();
  tile.issued = 0;
  move(tile, Phase::kDone);
  return Verdict::kAccepted;
}

void TileLedger::leave_out(int tile_id) {
  if (is_pending(tile_id)) move(at(tile_id), Phase::kNotAsked);
}

void TileLedger::sent(int tile_id, const std::string& task, std::uint64_t connection, double now_s) {
  Tile& tile = at(tile_id);
  if (tile.phase != Phase::kOpen) return;
  tasks_.sent(task, tile.attempt, tile_id, now_s + tile.wait_s, ++tile.issued);
  tile.task = task;
  tile.connection = connection;
  move(tile, tile.wait_s > 0 ? Phase::kWaiting : Phase::kSent);
  tile.wait_s = 0;
}

// Answers to a task that was given up, lost, or answered already change nothing: the tile has another one.
bool TileLedger::answers_our_task(const ResultMessage& answer) const {
  const std::string& task = tile(answer.tile_id).task;
  return is_pending(answer.tile_id) && !task.empty() && task == answer.correlation_id;
}

void TileLedger::begun(const ResultMessage& announcement, const std::string& who, std::uint64_t connection) {
  if (!answers_our_task(announcement)) return;
  at(announcement.tile_id).holder = who;
  at(announcement.tile_id).connection = connection;
}

TileLedger::Step TileLedger::again(Tile& tile, int wait_s) {
  tile.wait_s = wait_s;
  tile.task.clear();
  tile.holder.clear();
  move(tile, Phase::kOpen);
  return Step::kSendAgain;
}

// The ladder has rungs for as many attempts as the policy counts.
int TileLedger::wait_after(const Tile& tile, int attempt) const {
  return retry_delay_s(policy_, tile.task, std::clamp(attempt, 1, std::max(1, policy_.max_attempts - 1)));
}

TileLedger::Step TileLedger::failed(const ResultMessage& failure, bool proven) {
  if (!answers_our_task(failure)) return Step::kNothing;
  Tile& tile = at(failure.tile_id);
  tile.handed_back = 0;
  tile.issued = 0;
  const ErrorKind kind = failure.failure->kind;
  if (kind == ErrorKind::kContract) return Step::kGiveUp;
  const std::string& who = failure.worker_id;
  const bool believed = proven || input_tries_ == 1;
  if (believed && std::find(tile.failed_on.begin(), tile.failed_on.end(), who) == tile.failed_on.end())
    tile.failed_on.push_back(who);
  if (believed && kind != ErrorKind::kTransient) ++tile.refusals;
  if (std::exchange(tile.done_then, done_) != done_) tile.failures_alone = 0;
  ++tile.failures_alone;
  if (static_cast<int>(tile.failed_on.size()) >= policy_.max_attempts || tile.refusals >= input_tries_ ||
      tile.failures_alone >= policy_.max_attempts)
    return Step::kGiveUp;
  const int wait_s = wait_after(tile, tile.attempt);
  ++tile.attempt;
  return again(tile, wait_s);
}

TileLedger::Step TileLedger::handed_back(const ResultMessage& result, std::uint64_t connection) {
  if (!answers_our_task(result)) return Step::kNothing;
  Tile& tile = at(result.tile_id);
  tile.issued = 0;
  ++tile.handed_back;
  const bool still_connected = tile.connection == connection || tile.connection == 0;
  if (*result.hand_back == HandBack::kRedelivered && still_connected) {
    if (!tile.holder.empty()) {
      tile.deaths.push_back(tile.holder);
      tile.care = TaskCare::kAlone;
      if (static_cast<int>(tile.deaths.size()) >= policy_.max_worker_deaths) return Step::kGiveUp;
    }
    tile.care = std::max(tile.care, TaskCare::kAnnounce);
  }
  const bool at_once = tile.handed_back <= kHandedOnAtOnce || policy_.max_attempts == 1;
  return again(tile, at_once ? 0 : wait_after(tile, tile.attempt - 1));
}

void TileLedger::fail(int tile_id) {
  if (!is_pending(tile_id)) return;
  at(tile_id).task.clear();
  move(at(tile_id), Phase::kFailed);
}

void TileLedger::reopen(int tile_id, const std::string& task) {
  tasks_.drop(task);
  if (is_pending(tile_id) && tile(tile_id).task == task) again(at(tile_id), 0);
}

void TileLedger::reopen_all() {
  tasks_.drop_all();
  for (int id = 0; id < tile_count(); ++id)
    if (is_pending(id) && tile(id).phase != Phase::kOwn) again(at(id), 0);
}

std::vector<int> TileLedger::reissue(const TaskBook::Task& task) {
  std::vector<int> open;
  for (const int id : task.tiles) {
    if (!is_pending(id) || tile(id).task != task.id) continue;
    again(at(id), 0);
    open.push_back(id);
  }
  tasks_.drop(task.id);
  return open;
}

int TileLedger::refuse(const ResultMessage& result) {
  Tile& tile = at(result.tile_id);
  if (!is_pending(result.tile_id)) return tile.refused;
  if (answers_our_task(result) && tile.phase != Phase::kOwn) again(tile, 0);
  return ++tile.refused;
}

void TileLedger::take_over(int tile_id) {
  if (!is_pending(tile_id)) return;
  at(tile_id).task.clear();
  move(at(tile_id), Phase::kOwn);
}

void TileLedger::release(int tile_id) {
  if (tile(tile_id).phase == Phase::kOwn) again(at(tile_id), 0);
}

void TileLedger::audit(int tile_id) {
  Tile& tile = at(tile_id);
  if (tile.phase != Phase::kDone || tile.audited) return;
  tile.audited = true;
  ++audits_;
}

void TileLedger::suspect(const ResultMessage& rival) {
  Tile& tile = at(rival.tile_id);
  if (tile.phase != Phase::kDone) return;
  constexpr std::size_t kMostRivals = 16;  // whoever sends more has made its point
  if (tile.rivals.size() < kMostRivals) tile.rivals.push_back(rival);
  audit(rival.tile_id);
}

TileLedger::Finding TileLedger::judge(const ResultMessage& own) {
  Finding finding;
  Tile& tile = at(own.tile_id);
  if (!tile.audited) return finding;
  const auto agrees = [&own](const ResultMessage& r) { return same_data(r, own); };
  const bool alone = !agrees(tile.result) && std::none_of(tile.rivals.begin(), tile.rivals.end(), agrees);
  if (alone && !tile.own) {
    tile.own = own;
    finding.compute_again = true;
    return finding;
  }
  // Agreeing with a worker the second time only: one of the two own computations was wrong all the same.
  finding.alarm = tile.own && !same_data(*tile.own, own);
  finding.replace = !agrees(tile.result);
  if (finding.replace) finding.liars.push_back(tile.result.worker_id);
  for (const ResultMessage& rival : tile.rivals)
    if (!agrees(rival)) finding.liars.push_back(rival.worker_id);
  end_audit(tile);
  return finding;
}

void TileLedger::end_audit(Tile& tile) {
  if (tile.audited) --audits_;
  tile.audited = false;
  tile.rivals.clear();
  tile.own.reset();
}

void TileLedger::end_audit(int tile_id) { end_audit(at(tile_id)); }

void TileLedger::revoke(int tile_id) {
  Tile& tile = at(tile_id);
  if (tile.phase != Phase::kDone) return;
  end_audit(tile);
  tile.result = {};
  again(tile, 0);
}

bool same_data(const ResultMessage& a, const ResultMessage& b) {
  return a.data_checksum == b.data_checksum && a.data_ref == b.data_ref && a.sum_weights == b.sum_weights &&
         a.tile_median == b.tile_median && a.tile_background == b.tile_background &&
         a.fallback_used == b.fallback_used;
}

}  // namespace tilecompile
