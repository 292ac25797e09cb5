#include "tile_judge.hpp"

#include "tilecompile/base/hmac.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/distrust.hpp"
#include "tilecompile/fits/tile_file.hpp"

namespace tilecompile {
namespace {

std::string short_of(const std::string& checksum) { return checksum.substr(0, 12); }

}  // namespace

std::string TileJudge::round_name() const {
  if (of_frames(round_.task_template.work))
    return std::string(":") + piece_name(round_.task_template.work) + ":";
  return round_.first_round == nullptr ? ":1:" : ":2:";
}

std::string TileJudge::item_name(int id) const {
  const TaskWork work = round_.task_template.work;
  const std::string piece = of_frames(work) ? std::string(piece_name(work)) + " of " : "";
  return piece + (of_bands(work) ? "band " : of_frames(work) ? "frame " : "tile ") + std::to_string(id);
}

bool TileJudge::chosen(int tile_id) const {
  if (round_.audit_percent <= 0) return false;
  const std::string what = round_.task_template.run_id + round_name() + std::to_string(tile_id);
  constexpr int kDigits = 12;  // 48 bits
  const auto drawn = std::stoull(hmac_sha256_hex(round_.audit_key, what).substr(0, kDigits), nullptr, 16);
  return static_cast<double>(drawn) < round_.audit_percent / 100 * static_cast<double>(1ULL << 48);
}

void TileJudge::ask(int tile_id, bool afresh) {
  TileTask task = make_task(round_, tile_id);
  task.correlation_id = new_uuid();
  asked_.insert(task.correlation_id);
  place_.own->ask(task, afresh);
}

void TileJudge::found_right(int tile_id, const std::string& worker_id, const std::string& by) {
  trust_.audited(worker_id, by, by == kMasterName);
  place_.directory.append_event("tile_audited",
                                {{"tile_id", std::to_string(tile_id)}, {"worker_id", worker_id}, {"by", by}});
}

void TileJudge::accepted(const ResultMessage& result, bool first, const std::string& odd, double now_s) {
  if (!present() || result.worker_id == kMasterName) return;
  if (!odd.empty()) {
    ++trust_.odd_tiles;
    log_info("a tile is odd beside the classical stack, the master computes it too: " + odd,
             {{"tile_id", std::to_string(result.tile_id)}, {"worker_id", result.worker_id}});
  } else if (round_.audit_percent <= 0 || (!first && !chosen(result.tile_id))) {
    return;
  }
  ++trust_.audits;
  ledger_.audit(result.tile_id);
  // A band takes all frames: with many workers, their first bands would keep the master busy.
  const bool by_master = first && !of_bands(round_.task_template.work);
  if (by_master || !odd.empty() || !seconds_.ask(result, now_s)) ask(result.tile_id, false);
}

bool TileJudge::take_audit(const ResultMessage& result, double now_s) {
  const int id = result.tile_id;
  switch (seconds_.take(result, now_s)) {
    case SecondAudits::Answer::kForeign:
      return false;
    case SecondAudits::Answer::kWaits:
      break;
    case SecondAudits::Answer::kAgrees:
      found_right(id, ledger_.tile(id).result.worker_id, result.worker_id);
      ledger_.end_audit(id);
      break;
    case SecondAudits::Answer::kContradicts:
      contradicted(result);
      break;
    case SecondAudits::Answer::kNobody:
      ask(id, false);
      break;
  }
  return true;
}

void TileJudge::look_at_audits(double now_s, double limit_s) {
  for (const int id : seconds_.overdue(now_s, limit_s)) ask(id, false);
}

void TileJudge::contradicted(const ResultMessage& rival) {
  const ResultMessage& known = ledger_.tile(rival.tile_id).result;
  log_error("two results of a tile contradict each other, the master computes it itself",
            {{"tile_id", std::to_string(rival.tile_id)},
             {"worker_id", known.worker_id},
             {"checksum", short_of(known.data_checksum)},
             {"other_worker_id", rival.worker_id},
             {"other_checksum", short_of(rival.data_checksum)}});
  place_.directory.append_event("results_contradict", {{"tile_id", std::to_string(rival.tile_id)},
                                                       {"worker_id", known.worker_id},
                                                       {"checksum", known.data_checksum},
                                                       {"other_worker_id", rival.worker_id},
                                                       {"other_checksum", rival.data_checksum}});
  const bool asked = ledger_.tile(rival.tile_id).audited && !seconds_.forget(rival.tile_id);
  ledger_.suspect(rival);
  if (!asked) ask(rival.tile_id, true);
}

void TileJudge::take_over(int tile_id, const std::string& why) {
  log_warning("the master computes a tile itself: " + why, {{"tile_id", std::to_string(tile_id)}});
  place_.directory.append_event("tile_taken_over", {{"tile_id", std::to_string(tile_id)}, {"why", why}});
  ledger_.take_over(tile_id);
  ask(tile_id, false);
}

void TileJudge::take_over_all(const std::string& why) {
  std::vector<int> pending;
  for (int id = 0; id < ledger_.tile_count(); ++id)
    if (ledger_.is_pending(id) && ledger_.tile(id).phase != TileLedger::Phase::kOwn) pending.push_back(id);
  if (pending.empty()) return;
  const std::string items = std::to_string(pending.size());
  log_warning("the master makes what is left of a round itself: " + why, {{"items", items}});
  place_.directory.append_event("rest_taken_over", {{"items", items}, {"why", why}});
  for (const int id : pending) {
    ledger_.take_over(id);
    ask(id, false);
  }
}

void TileJudge::convict(const std::string& worker_id, const std::string& why) {
  if (!trust_.distrust(worker_id, why)) return;
  std::vector<int> tiles;
  for (int id = 0; id < ledger_.tile_count(); ++id)
    if (ledger_.is_done(id) && ledger_.tile(id).result.worker_id == worker_id && proven_.count(id) == 0)
      tiles.push_back(id);
  note_distrusted(place_.directory, worker_id, why, tiles.size());
  for (const int id : tiles) {
    seconds_.forget(id);
    ledger_.revoke(id);
    observer_.revoke(id);
    ++trust_.computed_again;
  }
  observer_.progress(ledger_.done());
}

void TileJudge::look() {
  while (present()) {
    const auto own = place_.own->answer();
    if (!own) return;
    if (asked_.erase(own->result.correlation_id) == 0) continue;
    if (own->result.failure)
      could_not(*own);
    else
      weigh(*own);
  }
}

void TileJudge::could_not(const OwnTile& own) {
  const int id = own.result.tile_id;
  log_warning("the master cannot compute a tile itself: " + own.result.failure->text,
              {{"tile_id", std::to_string(id)}});
  ledger_.end_audit(id);
  if (ledger_.tile(id).phase != TileLedger::Phase::kOwn) return;
  if (failed_.insert(id).second)
    ledger_.release(id);
  else
    give_up_(own.result);
}

void TileJudge::weigh(const OwnTile& own) {
  const int id = own.result.tile_id;
  if (ledger_.is_pending(id) || ledger_.is_failed(id)) return take_own(own);
  if (!ledger_.is_done(id)) return;
  if (!ledger_.tile(id).audited) {  // a worker was quicker after all, or its result was replaced meanwhile
    if (same_data(ledger_.tile(id).result, own.result)) return;
    ledger_.audit(id);
  }
  const bool suspected = !ledger_.tile(id).rivals.empty();
  const std::string accepted_by = ledger_.tile(id).result.worker_id;
  const TileLedger::Finding finding = ledger_.judge(own.result);
  if (finding.alarm) alarm(own.result);
  if (finding.compute_again) return ask(id, true);
  if (finding.replace)
    take_own(own);
  else if (suspected)  // the object of the one that was wrong may lie there
    place_.store.put(own.result.data_ref, own.bytes);
  proven_.insert(id);
  if (!finding.replace && accepted_by != kMasterName) found_right(id, accepted_by, kMasterName);
  for (const std::string& liar : finding.liars) {
    if (liar == kMasterName) alarm(own.result);
    ++trust_.contradictions;
    convict(liar, "its " + item_name(id) + " is not what the frames give, SHA-256 " +
                      short_of(own.result.data_checksum));
  }
}

void TileJudge::take_own(const OwnTile& own) {
  const int id = own.result.tile_id;
  place_.store.put(own.result.data_ref, own.bytes);
  journal_(encode_result(own.result));
  if (ledger_.is_done(id)) {
    observer_.revoke(id);
    ledger_.replace(own.result);
  } else {
    ledger_.offer(own.result);
  }
  ++trust_.own_tiles;
  proven_.insert(id);
  if (of_frames(round_.task_template.work)) round_.read_piece(own.result, own.bytes)();
  observer_.accept(own.result, own.result.part ? TileFile{} : decode_tile_file(own.bytes));
  observer_.progress(ledger_.done());
}

void TileJudge::alarm(const ResultMessage& own) const {
  place_.directory.append_event("determinism_alarm", {{"tile_id", std::to_string(own.tile_id)},
                                                      {"worker_id", kMasterName},
                                                      {"checksum", own.data_checksum}});
  throw ContractError("determinism alarm: tile " + std::to_string(own.tile_id) +
                      " came out differently when the master computed it twice; look after memory and "
                      "processor of this host");
}

}  // namespace tilecompile
