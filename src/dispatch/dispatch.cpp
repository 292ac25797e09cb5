#include "tilecompile/dispatch/dispatch.hpp"

#include <algorithm>
#include <chrono>

#include "tile_owner.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr int kResultsPrefetch = 512;  // two groups that are taken together
using Clock = std::chrono::steady_clock;
constexpr auto kAnswerPatience = 200ms;
// Answers about the tiles of one task come close together: they are gathered, to share a task again, until
// none has come for a moment.
constexpr auto kGather = 20ms, kLongestGather = 1000ms;

// Waits for an answer, and takes what has come with it.
bool take_answers(const RoundPlace& place, TileOwner& owner, std::chrono::milliseconds wait) {
  std::vector<Delivery> answers;
  std::vector<DeliveryTag> tags;
  auto delivery = place.transport.receive(wait);
  const bool any = delivery.has_value();
  while (delivery) {
    if (!owner.keeps(*delivery) && !(place.diagnostics != nullptr && place.diagnostics->take(*delivery))) {
      tags.push_back(delivery->tag);
      answers.push_back(std::move(*delivery));
    }
    if (answers.size() >= owner.most_together()) break;
    delivery = place.transport.receive(0ms);
  }
  owner.take(std::move(answers));
  for (const DeliveryTag& tag : tags) place.transport.ack(tag);
  return any;
}

void collect(const RoundPlace& place, RoundObserver& observer, TileOwner& owner) {
  Clock::time_point busy_since{};  // answers have come one upon the other since then
  bool busy = false;
  while (!owner.ledger().complete()) {
    observer.check_stop();
    const bool any = take_answers(place, owner, owner.is_due_soon() ? kGather : kAnswerPatience);
    if (any && !busy) busy_since = Clock::now();
    busy = any;
    if (busy && Clock::now() - busy_since < kLongestGather) continue;
    busy = false;
    observer.watch();
    owner.look_after();
  }
}

// Whether `tile` does not go into `task` any more.
bool begins_task(const TileRound& round, const TileTask& task, const Box& tile) {
  const Box& last = task.tiles.back().box;
  if (round.batch > 0) return task.tiles.size() >= static_cast<std::size_t>(round.batch);
  if (round.most_tiles > 0 && task.tiles.size() >= static_cast<std::size_t>(round.most_tiles)) return true;
  return tile.y0 != last.y0 || (round.bands && !(round.bands->region(tile) == round.bands->region(last)));
}

TaskTile task_tile(const TileRound& round, int tile_id) {
  const auto t = static_cast<std::size_t>(tile_id);
  TaskTile tile{tile_id, round.grid->tiles[t], tile_seed(round.task_template.run_id, tile_id), "", ""};
  if (round.first_round != nullptr) {
    tile.data_ref = (*round.first_round)[t].data_ref;
    tile.data_checksum = (*round.first_round)[t].data_checksum;
  }
  return tile;
}

// `apart(before, tile)`: whether the two must not share a task.
std::vector<TileTask> cut(const TileRound& round, const std::vector<int>& tiles,
                          const std::function<bool(int, int)>& apart) {
  std::vector<TileTask> tasks;
  for (const int id : tiles) {
    const Box& box = round.grid->tiles[static_cast<std::size_t>(id)];
    if (tasks.empty() || begins_task(round, tasks.back(), box) ||
        apart(tasks.back().tiles.back().tile_id, id)) {
      tasks.push_back(round.task_template);
      tasks.back().tiles.clear();
      tasks.back().correlation_id = new_uuid();
    }
    tasks.back().tiles.push_back(task_tile(round, id));
  }
  return tasks;
}

}  // namespace

TileTask make_task(const TileRound& round, int tile_id) {
  TileTask task = round.task_template;
  task.tiles = {task_tile(round, tile_id)};
  return task;
}

std::vector<TileTask> make_tasks(const TileRound& round) {
  return make_tasks(round,
                    TileLedger(round.task_template.run_id, static_cast<int>(round.grid->tiles.size())));
}

std::vector<TileTask> make_tasks(const TileRound& round, const TileLedger& ledger) {
  std::vector<int> open;
  for (int id = 0; id < ledger.tile_count(); ++id)
    if (ledger.is_open(id)) open.push_back(id);
  return cut(round, open, [&](int a, int b) {
    const TileLedger::Tile &before = ledger.tile(a), &tile = ledger.tile(b);
    return tile.care == TaskCare::kAlone || before.care != tile.care || before.attempt != tile.attempt ||
           before.wait_s != tile.wait_s;
  });
}

TileLedger dispatch_tiles(const TileRound& round, const RoundPlace& place, RoundObserver& observer) {
  const std::string reply_to = results_queue(round.task_template.run_id, round.isolation);
  declare_run_queues(round, place.transport, reply_to, observer);
  place.transport.consume(reply_to, kResultsPrefetch, true);  // a second master on this queue is refused
  std::optional<ResultsQueueEnd> end_of_round;
  std::optional<ResultsQueueEnd>& end = place.results_end != nullptr ? *place.results_end : end_of_round;
  if (!end) end.emplace(place.transport, reply_to);
  TileOwner owner(round, place, observer, reply_to);
  try {
    if (round.task_template.work == TaskWork::kTile)
      place.directory.append_event("round_began", {{"round", round.first_round == nullptr ? "1" : "2"}});
    owner.begin();
    collect(place, observer, owner);
    owner.end();
  } catch (...) {
    try {
      place.transport.cancel(reply_to);
    } catch (const Error& e) {
      log_warning(std::string("cannot stop taking results: ") + e.what());
    }
    throw;
  }
  place.transport.cancel(reply_to);
  return owner.ledger();
}

}  // namespace tilecompile
