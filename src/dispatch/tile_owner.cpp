#include "tile_owner.hpp"

#include <utility>

#include "adopt_journal.hpp"
#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/protocol/task_order.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/survey/frame_pieces.hpp"
#include "trust_files.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kPauseAfterRefusal = 1s;
constexpr auto kLookEvery = 1s, kReadNotesEvery = 15s, kReadNotesEveryWhenQuiet = 3s;
constexpr int kMostRefusals = 2;         // of a tile, before the master computes it itself
constexpr std::size_t kMostNamed = 100;  // distrusted workers, in the header of a task

// Keys of pieces differ in the digits of their round.
bool is_of_other_round(const std::string& ref, const std::string& key) {
  constexpr std::size_t kDigits = 16, kItem = sizeof("_000000.bin") - 1;
  if (ref == key || ref.size() != key.size() || ref.size() < kDigits + kItem) return false;
  const std::size_t begin = ref.size() - kItem - kDigits, end = begin + kDigits;
  return ref.compare(0, begin, key, 0, begin) == 0 && ref.compare(end, kItem, key, end, kItem) == 0;
}

}  // namespace

TileOwner::TileOwner(const TileRound& round, const RoundPlace& place, RoundObserver& observer,
                     const std::string& reply_to)
    : round_(round),
      place_(place),
      observer_(observer),
      reply_to_(reply_to),
      ledger_(round.task_template.run_id, static_cast<int>(round.grid->tiles.size()), round.retry,
              round.input_tries),
      trust_(place.trust != nullptr ? *place.trust : own_trust_),
      judge_(
          round, place, observer, ledger_, trust_, [this](const ResultMessage& r) { give_up(r); },
          [this](const std::string& line) { journal(line); },
          [this](int tile_id, const auto& not_by) { return send_to_another(tile_id, not_by); }),
      sender_(round, place, observer, reply_to),
      book_(place.workers != nullptr ? *place.workers : own_book_),
      notes_(place.transport, place.directory, book_),
      letters_(place.transport, [this](const Message& letter) { return take_letter(letter); }),
      standstill_(place.directory, book_, round.retry, round.stall_after_s) {}

void TileOwner::begin() {
  for (int id = 0; round_.first_round != nullptr && id < ledger_.tile_count(); ++id)
    if ((*round_.first_round)[static_cast<std::size_t>(id)].data_ref.empty()) ledger_.leave_out(id);
  if (round_.journalled != nullptr) {
    read_sent(place_.directory, ledger_);
    read_distrusted(place_.directory, trust_);
    adopt_journal(round_, place_, observer_, ledger_, trust_);
    // Also the first tile of every worker: the earlier start may have ended before it was compared.
    for (int id = 0; id < ledger_.tile_count(); ++id) {
      if (!ledger_.is_done(id)) continue;
      const ResultMessage& result = ledger_.tile(id).result;
      judge_.accepted(result, met_.insert(result.worker_id).second, "", seconds_now());
    }
  }
  if (of_frames() && judge_.present()) letters_.begin();
  publish_open();
}

void TileOwner::publish_open() {
  const auto others =
      judge_.present() && !of_frames() ? place_.transport.inspect(kComputeQueue) : std::nullopt;
  auto tasks = in_strips(make_tasks(round_, ledger_), others ? others->consumers : 1);
  if (!judge_.present() && round_.batch == 0 && round_.bands)
    tasks = with_short_ends(std::move(tasks), round_.bands->bands);
  for (const TileTask& task : tasks) {
    const int first = task.tiles.front().tile_id;
    sender_.send(task, envelope_of(first), ledger_.tile(first).wait_s);
    for (const TaskTile& tile : task.tiles)
      ledger_.sent(tile.tile_id, task.correlation_id, connection_, seconds_now());
  }
  note_sent(place_.directory, tasks, ledger_);
  place_.directory.append_event(of_frames() ? event_name("sent") : "tasks_published",
                                {{"tasks", std::to_string(tasks.size())}});
}

// The task of an audit: it asks for a tile that is done, and its answers are the judge's.
std::string TileOwner::send_to_another(int tile_id, const std::vector<std::string>& not_by) {
  TileTask task = make_task(round_, tile_id);
  task.correlation_id = new_uuid();
  TaskEnvelope envelope = envelope_of(tile_id);
  envelope.not_by = not_by;
  if (envelope.not_by.size() > kMostNamed) envelope.not_by.resize(kMostNamed);
  sender_.send(task, envelope, 0);
  ledger_.tasks().sent(task.correlation_id, envelope.attempt, tile_id, seconds_now(), 1);
  note_sent(place_.directory, {task}, ledger_);
  return task.correlation_id;
}

TaskEnvelope TileOwner::envelope_of(int tile_id) const {
  TaskEnvelope envelope;
  envelope.attempt = ledger_.tile(tile_id).attempt;
  envelope.care = ledger_.tile(tile_id).care;
  envelope.distrusted = trust_.distrusted();
  if (envelope.distrusted.size() > kMostNamed) envelope.distrusted.resize(kMostNamed);
  return envelope;
}

void TileOwner::look_after() {
  const auto now = std::chrono::steady_clock::now();
  for (const SentTask& task : sender_.take_refused()) {
    hold_until_ = now + kPauseAfterRefusal;
    for (const int id : task.tiles) ledger_.reopen(id, task.correlation_id);
  }
  if (const auto why = sender_.tasks_lost()) {
    const std::string tiles =
        std::to_string(ledger_.tile_count() - ledger_.done() - ledger_.failed() - ledger_.not_asked());
    log_warning("tasks were lost, they are published again: " + *why, {{"tiles", tiles}});
    place_.directory.append_event("tasks_lost", {{"tiles", tiles}, {"why", *why}});
    declare_task_queues(round_, place_.transport);
    if (round_.quorum) let_queues_settle(observer_);
    ledger_.reopen_all();
  }
  look_at_leases();
  letters_.look();
  judge_.look();
  if (ledger_.any_open() && now >= hold_until_) publish_open();
  if (now - last_look_ < kLookEvery) return;
  last_look_ = now;
  watch_progress();
}

void TileOwner::watch_progress() {
  RoundView view;
  view.done = ledger_.done();
  view.alarm = place_.transport.blocked();
  view.heard = std::exchange(heard_, false);
  view.slowest_tile_s = sender_.slowest_tile_s();
  const bool quiet = standstill_.quiet();
  notes_.look(quiet ? kReadNotesEveryWhenQuiet : kReadNotesEvery);
  if (quiet && view.alarm.empty()) {
    const auto compute = place_.transport.inspect(kComputeQueue);
    view.consumers = !compute || compute->consumers > 0;
  }
  if (!view.consumers && of_frames() && judge_.present()) {
    judge_.take_over_all("no worker takes tasks");
    view.consumers = true;
  }
  standstill_.look(view);
  if (const ResultMessage* last = standstill_.hopeless()) give_up_the_rest(*last);
}

void TileOwner::reject(const ResultMessage& result, const std::string& why) {
  if (!book_.rejected(result.worker_id, why)) return;
  const auto& workers = book_.workers();
  const auto tally = workers.find(workers.count(result.worker_id) == 1 ? result.worker_id : "");
  place_.directory.append_event("result_rejected", {{"worker_id", result.worker_id},
                                                    {"tile_id", std::to_string(result.tile_id)},
                                                    {"rejected", std::to_string(tally->second.rejected)},
                                                    {"text", why}});
}

void TileOwner::take(Arrival& arrival) {
  const ResultMessage& result = arrival.result;
  connection_ = arrival.answer.tag.connection;
  if (!arrival.no_result.empty())
    return reject({}, "a message on the results queue is ignored: " + arrival.no_result);
  if (!concerns_us(result) || !is_meant(result, arrival.answer)) return;
  sender_.note_answer(result.compute_seconds);
  heard_ = true;
  trust_.heard(result.worker_id, seconds_now(), book_.host_of(result.worker_id));
  ledger_.tasks().answered(result.correlation_id, result.tile_id, !result.begun, seconds_now());
  take_answer(arrival);
}

void TileOwner::take_answer(Arrival& arrival) {
  const ResultMessage& result = arrival.result;
  if (judge_.take_audit(result, seconds_now())) return;
  const bool distrusted = trust_.is_distrusted(result.worker_id) && !result.hand_back;
  const bool plain = !result.begun && !result.failure && !ledger_.is_done(result.tile_id);
  if (plain && !distrusted) return take_tile(arrival);
  flush();  // in the order in which they came
  if (distrusted) return take_from_distrusted(result);
  if (result.begun)
    ledger_.begun(result, result.worker_id + " at " + utc_now(), connection_);
  else if (result.hand_back)
    take_hand_back(result);
  else if (result.failure)
    take_failure(result);
  else
    check_conflict(ledger_.tile(result.tile_id).result, result);
}

// Nothing of it is taken. Its object may lie where a right one was: the master puts its own there.
void TileOwner::take_from_distrusted(const ResultMessage& result) {
  if (result.begun || !judge_.present()) return;
  const int id = result.tile_id;
  if (ledger_.is_done(id) && !result.failure && !same_data(ledger_.tile(id).result, result))
    return judge_.contradicted(result);
  if (ledger_.refuse(result) >= kMostRefusals && ledger_.is_open(id))
    judge_.take_over(id, "its tasks go to a worker that gave wrong tiles");
}

// Results count for tasks that this master sent, from whoever got them; a failure is judged by the ledger.
bool TileOwner::is_meant(const ResultMessage& result, const Delivery& answer) {
  if (result.worker_id == kMasterName) return ignore(result, "it bears the name of the master"), false;
  if (!answer.sender.empty() && answer.sender != result.worker_id)
    return ignore(result, "it comes from " + answer.sender + ", which is another worker"), false;
  if (const std::string why = wrong_user(round_.roles, result.worker_id, answer.user); !why.empty())
    return ignore(result, why), false;
  const bool has_data = !result.failure && !result.begun;
  const bool asked = ledger_.asked(result);
  if (!asked && ledger_.tasks().known(result.correlation_id))
    return ignore(result, "its task asked for other tiles, or at another attempt"), false;
  if (!asked && has_data) return ignore(result, "no task of this master asked for it"), false;
  return true;
}

// Nobody is blamed: the name in it may be forged. When it used up our task, the tile is sent again.
void TileOwner::ignore(const ResultMessage& result, const std::string& why) {
  reject(result, "a result is ignored: " + why);
  if (ledger_.refuse(result) >= kMostRefusals && ledger_.is_open(result.tile_id) && judge_.present())
    judge_.take_over(result.tile_id, "its tasks go to workers whose results do not count");
}

// The object is not what was asked for. Only when it is what the message says, the worker is to blame: else
// it was damaged, or replaced by another one.
void TileOwner::refuse(const ResultMessage& result, const std::string& why) {
  reject(result, "a result is refused, the tile is computed again: " + why);
  bool its_own = false;
  try {
    its_own = sha256_hex(place_.store.get(result.data_ref)) == result.data_checksum;
  } catch (const Error&) {
    its_own = false;
  }
  if (its_own && trust_.refused(result.worker_id, why)) judge_.convict(result.worker_id, why);
  if (ledger_.refuse(result) >= kMostRefusals && ledger_.is_open(result.tile_id))
    judge_.take_over(result.tile_id, "its results were refused");
}

bool TileOwner::answers_task_under_way(const ResultMessage& result) const {
  const std::string& task = ledger_.tile(result.tile_id).task;
  return ledger_.is_pending(result.tile_id) && !task.empty() && task == result.correlation_id;
}

bool TileOwner::concerns_us(const ResultMessage& result) {
  if (result.run_id == round_.task_template.run_id && result.part != part_of(round_.task_template))
    return false;  // a late duplicate of another round
  if (result.run_id != round_.task_template.run_id || result.tile_id >= ledger_.tile_count()) {
    reject(result, "a result of another run or of an unknown tile is ignored: run " + result.run_id +
                       ", tile " + std::to_string(result.tile_id));
    return false;
  }
  // Masters of as many frames are rounds with equal parts: late results of one are none of the other.
  if (of_frames() &&
      is_of_other_round(result.data_ref, frame_piece_key(round_.task_template, result.tile_id))) {
    if (answers_task_under_way(result)) ignore(result, "it is a piece of another round");
    return false;
  }
  // Late results of the other round: duplicates of the first in the second; what was under way in the second
  // when its master died, in the first of the resumed run. An answer without data names no round: the ledger
  // knows it by its task.
  const std::string other_round =
      round_.first_round == nullptr
          ? synthetic_tile_key(result.run_id, result.tile_id)
          : (*round_.first_round)[static_cast<std::size_t>(result.tile_id)].data_ref;
  return result.data_ref.empty() || result.data_ref != other_round;
}

void TileOwner::check_conflict(const ResultMessage& known, const ResultMessage& result) {
  if (same_data(known, result)) return;
  if (judge_.present()) return judge_.contradicted(result);
  place_.directory.append_event("determinism_alarm", {{"tile_id", std::to_string(result.tile_id)},
                                                      {"worker_id", known.worker_id},
                                                      {"checksum", known.data_checksum},
                                                      {"other_worker_id", result.worker_id},
                                                      {"other_checksum", result.data_checksum}});
  throw ContractError("determinism alarm: tile " + std::to_string(result.tile_id) + " has checksum " +
                      known.data_checksum + " from worker " + known.worker_id + " but " +
                      result.data_checksum + " from worker " + result.worker_id +
                      "; compare program versions and processors of the two hosts");
}

}  // namespace tilecompile
