#include "result_collector.hpp"

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/run_contexts.hpp"

namespace tilecompile {
namespace {

constexpr int kHandedOnAtOnce = 3;  // a tile that comes back untried more often waits before the next try

[[noreturn]] void fail_run(const ResultMessage& result, const std::string& run_dir, bool synthetic,
                           const std::string& why) {
  const std::string id = std::to_string(result.tile_id);
  throw_failure(*result.failure, "tile " + id + " failed on worker " + result.worker_id + ": " +
                                     result.failure->text + why + "; reproduce with: tilecompile tile " +
                                     run_dir + " " + id + (synthetic ? " --synthetic" : ""));
}

}  // namespace

void ResultCollector::take(const std::string& body) {
  ResultMessage result;
  try {
    result = decode_result(body);
  } catch (const InputError& e) {
    log_warning(std::string("a message on the results queue is ignored: ") + e.what());
    return;
  }
  if (!concerns_us(result)) return;
  sender_.note_result(result.compute_seconds);
  if (result.failure)
    take_failure(result);
  else if (ledger_.is_done(result.tile_id))
    check_conflict(ledger_.result(result.tile_id), result);
  else
    take_tile(result, body);
}

bool ResultCollector::concerns_us(const ResultMessage& result) const {
  if (result.run_id != job_.task_template.run_id || result.tile_id >= ledger_.tile_count()) {
    log_warning("a result of another run or of an unknown tile is ignored",
                {{"run_id", result.run_id}, {"tile_id", std::to_string(result.tile_id)}});
    return false;
  }
  if (result.part != part_of(job_.task_template)) return false;  // a late duplicate of another round
  // A failure names no round; its task does. One of another round or of an earlier master decides nothing:
  // the tile is asked for again now.
  if (result.failure && !sender_.asked(result.correlation_id)) {
    log_info("a failure that answers no task of this round is left alone",
             {{"tile_id", std::to_string(result.tile_id)}, {"text", result.failure->text}});
    return false;
  }
  // Late results of the other round: duplicates of the first in the second; what was under way in the second
  // when its master died, in the first of the resumed run.
  const std::string other_round =
      job_.first_round == nullptr ? synthetic_tile_key(result.run_id, result.tile_id)
                                  : (*job_.first_round)[static_cast<std::size_t>(result.tile_id)].data_ref;
  return result.failure || result.data_ref != other_round;
}

void ResultCollector::check_conflict(const ResultMessage& known, const ResultMessage& result) const {
  if (known.data_checksum == result.data_checksum) return;
  directory_.append_event("determinism_alarm", {{"tile_id", std::to_string(result.tile_id)},
                                                {"worker_id", known.worker_id},
                                                {"checksum", known.data_checksum},
                                                {"other_worker_id", result.worker_id},
                                                {"other_checksum", result.data_checksum}});
  throw ContractError("determinism alarm: tile " + std::to_string(result.tile_id) + " has checksum " +
                      known.data_checksum + " from worker " + known.worker_id + " but " +
                      result.data_checksum + " from worker " + result.worker_id +
                      "; compare program versions and processors of the two hosts");
}

void ResultCollector::take_failure(const ResultMessage& result) {
  if (!ledger_.is_open(result.tile_id)) return;
  const TileFailure& failure = *result.failure;
  const std::string id = std::to_string(result.tile_id);
  const bool synthetic = job_.task_template.clusters.has_value();
  const HandBack next = result.hand_back.value_or(HandBack{result.attempt + 1, {}});
  const bool handed_back = next.attempt == result.attempt;  // nothing failed
  directory_.append_event(handed_back ? "tile_handed_back" : "tile_failed",
                          {{"tile_id", id},
                           {"attempt", std::to_string(result.attempt)},
                           {"worker_id", result.worker_id},
                           {"kind", kind_name(failure.kind)},
                           {"text", failure.text}});
  if (failure.kind == ErrorKind::kContract) fail_run(result, directory_.path().string(), synthetic, "");
  // Workers whose user may publish tasks climb the ladder by themselves; others leave it to us.
  if (failure.kind == ErrorKind::kTransient && next.attempt <= job_.retry.max_attempts) {
    const bool at_once = handed_back && ++handed_back_[result.tile_id] <= kHandedOnAtOnce;
    return sender_.publish_later(result.tile_id, next, at_once || job_.retry.max_attempts == 1);
  }
  ledger_.fail(result.tile_id);
  if (ledger_.failed() - job_.tiles_without_first_round() > job_.max_failed_tiles ||
      ledger_.failed() == ledger_.tile_count())
    fail_run(
        result, directory_.path().string(), synthetic,
        "; retry.max_failed_tiles = " + std::to_string(job_.max_failed_tiles) + " tiles may fail for good");
  log_warning("tile " + id + " has failed for good and stays a hole: " + failure.text,
              {{"worker_id", result.worker_id}, {"attempts", std::to_string(result.attempt)}});
}

void ResultCollector::take_tile(const ResultMessage& result, const std::string& body) {
  const auto t = static_cast<std::size_t>(result.tile_id);
  TileFile file;
  try {
    file = job_.load ? job_.load(result) : load_tile(store_, result, job_.grid->tiles[t], job_.planes);
  } catch (const Error& e) {
    // Damaged after it was written, or not visible yet: computed again, nothing of it is taken.
    if (e.kind() != ErrorKind::kInput && e.kind() != ErrorKind::kTransient) throw;
    ResultMessage failed = result;
    failed.failure =
        TileFailure{result.attempt < job_.retry.max_attempts ? ErrorKind::kTransient : e.kind(), e.what()};
    return take_failure(failed);
  }
  if (job_.journalled != nullptr && !(*job_.journalled)[t].data_checksum.empty())
    check_conflict((*job_.journalled)[t], result);
  ledger_.offer(result);
  if (!result.part) directory_.append_journal(body);  // pieces are no results yet
  accept_(result, std::move(file));
  job_.progress(ledger_.done());
}

}  // namespace tilecompile
