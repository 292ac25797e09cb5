// What the owner of the tiles does with answers that bring no data.
#include <algorithm>

#include "tile_owner.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/task_message.hpp"

namespace tilecompile {
namespace {

using Step = TileLedger::Step;

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

[[noreturn]] void fail_run(const ResultMessage& result, const std::string& run_dir, bool synthetic,
                           const std::string& why) {
  const std::string id = std::to_string(result.tile_id);
  throw_failure(*result.failure, "tile " + id + " failed on worker " + result.worker_id + ": " +
                                     result.failure->text + why + "; reproduce with: tilecompile tile " +
                                     run_dir + " " + id + (synthetic ? " --synthetic" : ""));
}

}  // namespace

void TileOwner::take_hand_back(const ResultMessage& result) {
  const std::size_t deaths = ledger_.tile(result.tile_id).deaths.size();
  const Step step = ledger_.handed_back(result, connection_);
  const TileLedger::Tile& tile = ledger_.tile(result.tile_id);
  if (step == Step::kNothing) return;
  note("handed_back", result);
  book_.handed_back(result);
  if (tile.deaths.size() > deaths) {
    log_warning("a worker died over a tile", {{"run_id", result.run_id},
                                              {"tile_id", std::to_string(result.tile_id)},
                                              {"died", tile.deaths.back()}});
    place_.directory.append_event(
        "worker_died_over_tile", {{"tile_id", std::to_string(result.tile_id)}, {"died", tile.deaths.back()}});
  }
  if (step != Step::kGiveUp) return;
  ResultMessage killer = result;
  killer.failure =
      TileFailure{ErrorKind::kInput, std::to_string(tile.deaths.size()) +
                                         " workers died while they computed it: " + joined(tile.deaths) +
                                         "; look at their logs and at the memory they had"};
  give_up(killer);
}

void TileOwner::take_failure(const ResultMessage& result) {
  if (of_frames() && result.failure->kind == ErrorKind::kUsage && judge_.present() &&
      answers_task_under_way(result))
    return do_without(result.worker_id, result.failure->text);
  const Step step = ledger_.failed(result, book_.proven(result.worker_id));
  if (step == Step::kNothing) {
    log_info("a failure that answers no task under way is left alone",
             {{"tile_id", std::to_string(result.tile_id)}, {"text", result.failure->text}});
    return;
  }
  note("failed", result);
  const TileLedger::Tile& tile = ledger_.tile(result.tile_id);
  book_.failed(result, step == Step::kGiveUp ? "a tile has failed" : "a tile is tried again later",
               tile.wait_s);
  if (step == Step::kGiveUp) return give_up(result);
  place_.directory.append_event(event_name("retried"), {{"tile_id", std::to_string(result.tile_id)},
                                                        {"attempt", std::to_string(tile.attempt)},
                                                        {"in_s", std::to_string(tile.wait_s)}});
}

// A worker that does not know such tasks, or does not see the frames of calibration, takes them from others
// all the same: the master makes what is left, which costs time and no picture.
void TileOwner::do_without(const std::string& worker_id, const std::string& why) {
  if (of_calibration(round_.task_template.work)) {
    book_.cannot_calibrate();
    return judge_.take_over_all("worker " + worker_id + " cannot make masters: " + why);
  }
  book_.is_older(worker_id);
  judge_.take_over_all("worker " + worker_id + " does not know tasks of frames, is it of an older version? " +
                       why);
}

// Letters that the master itself has written stay: those of items that have failed for good.
bool TileOwner::take_letter(const Message& letter) {
  if (!ledger_.tasks().known(letter.correlation_id)) return false;
  try {
    const TileTask task = decode_any_task(letter.body);
    if (std::any_of(task.tiles.begin(), task.tiles.end(), [this](const TaskTile& t) {
          return t.tile_id >= ledger_.tile_count() || ledger_.is_failed(t.tile_id);
        }))
      return false;
  } catch (const InputError&) {
    return false;
  }
  const auto text = [&](const char* header) {
    const auto found = letter.headers.find(header);
    return found == letter.headers.end() ? std::string() : found->second;
  };
  do_without(text(kWorkerHeader), text(kReasonHeader));
  return true;
}

// Events about tiles are counted by those who read them; frames and bands have names of their own.
std::string TileOwner::event_name(const std::string& what) const {
  return of_frames() ? std::string(piece_name(round_.task_template.work)) + "_" + what : "tile_" + what;
}

void TileOwner::note(const char* event, const ResultMessage& result) {
  place_.directory.append_event(event_name(event), {{"tile_id", std::to_string(result.tile_id)},
                                                    {"attempt", std::to_string(result.attempt)},
                                                    {"worker_id", result.worker_id},
                                                    {"kind", kind_name(result.failure->kind)},
                                                    {"text", result.failure->text}});
}

// First the dead letter, then the end: who looks for the reason of a run that ended over it finds the letter.
void TileOwner::give_up(const ResultMessage& result) {
  const bool synthetic = round_.task_template.clusters.has_value();
  put_on_dead_letters(result);
  if (result.failure->kind == ErrorKind::kContract)
    fail_run(result, place_.directory.path().string(), synthetic, "");
  ledger_.fail(result.tile_id);
  if (of_frames())
    return log_warning("workers cannot look at a frame, the master does: " + result.failure->text);
  if (ledger_.failed() > round_.max_failed_tiles || (ledger_.all_failed() && !round_.others_done))
    fail_run(
        result, place_.directory.path().string(), synthetic,
        "; retry.max_failed_tiles = " + std::to_string(round_.max_failed_tiles) + " tiles may fail for good");
  log_warning("tile " + std::to_string(result.tile_id) +
                  " has failed for good and stays a hole: " + result.failure->text,
              {{"worker_id", result.worker_id}, {"attempts", std::to_string(result.attempt)}});
}

void TileOwner::put_on_dead_letters(const ResultMessage& result) {
  TileTask task = make_task(round_, result.tile_id);
  task.correlation_id = result.correlation_id;
  const DeathNote death{*result.failure, result.worker_id};
  try {
    // Over the default exchange: a master's user may not publish where results go.
    send_to_dead_letters(place_.transport, "", task_message(task, envelope_of(result.tile_id), reply_to_),
                         death);
  } catch (const TransientError& e) {
    log_warning(std::string("a dead letter is lost: ") + e.what(),
                {{"tile_id", std::to_string(result.tile_id)}, {"reason", result.failure->text}});
  }
}

}  // namespace tilecompile
