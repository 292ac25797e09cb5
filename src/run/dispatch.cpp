#include "tilecompile/run/dispatch.hpp"

#include <algorithm>
#include <chrono>

#include "adopt_journal.hpp"
#include "result_collector.hpp"
#include "task_sender.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/run/run_queues.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr int kResultsPrefetch = 64;

void collect(const DispatchJob& job, Transport& transport, const TileLedger& ledger, TaskSender& sender,
             ResultCollector& collector) {
  while (!ledger.complete()) {
    job.check_stop();
    const auto delivery = transport.receive(200ms);
    if (delivery && job.diagnostics != nullptr && job.diagnostics->take(*delivery)) continue;
    if (delivery) {
      collector.take(delivery->message.body);
      transport.ack(delivery->tag);
    } else {
      job.watch();
      sender.look_after();
    }
  }
}

// Whether `tile` does not go into `task` any more.
bool begins_task(const DispatchJob& job, const TileTask& task, const Box& tile) {
  const Box& last = task.tiles.back().box;
  if (job.batch > 0) return task.tiles.size() >= static_cast<std::size_t>(job.batch);
  if (job.most_tiles > 0 && task.tiles.size() >= static_cast<std::size_t>(job.most_tiles)) return true;
  return tile.y0 != last.y0 || (job.region && !(job.region(tile) == job.region(last)));
}

}  // namespace

int DispatchJob::tiles_without_first_round() const {
  if (first_round == nullptr) return 0;
  return static_cast<int>(std::count_if(first_round->begin(), first_round->end(),
                                        [](const auto& r) { return r.data_ref.empty(); }));
}

void throw_failure(const TileFailure& failure, const std::string& text) {
  switch (failure.kind) {
    case ErrorKind::kUsage:
      throw UsageError(text);
    case ErrorKind::kInput:
      throw InputError(text);
    case ErrorKind::kTransient:
      throw TransientError(text);
    case ErrorKind::kContract:
      break;
  }
  throw ContractError(text);
}

std::vector<TileTask> make_tasks(const DispatchJob& job, const std::function<bool(int)>& wanted) {
  std::vector<TileTask> tasks;
  const auto& boxes = job.grid->tiles;
  for (std::size_t id = 0; id < boxes.size(); ++id) {
    if (!wanted(static_cast<int>(id))) continue;
    if (tasks.empty() || begins_task(job, tasks.back(), boxes[id])) {
      tasks.push_back(job.task_template);
      tasks.back().tiles.clear();
      tasks.back().correlation_id = new_uuid();
    }
    TaskTile tile{static_cast<int>(id), boxes[id], tile_seed(job.task_template.run_id, static_cast<int>(id)),
                  "", ""};
    if (job.first_round != nullptr) {
      tile.data_ref = (*job.first_round)[id].data_ref;
      tile.data_checksum = (*job.first_round)[id].data_checksum;
    }
    tasks.back().tiles.push_back(std::move(tile));
  }
  return tasks;
}

TileFile load_tile(ObjectStore& store, const ResultMessage& result, const Box& box, int planes) {
  const std::string bytes = store.get(result.data_ref);
  const std::string about = "tile " + std::to_string(result.tile_id) + " (" + result.data_ref + " in " +
                            store.describe() + ", written by worker " + result.worker_id + ") ";
  const std::string found = sha256_hex(bytes);
  if (found != result.data_checksum)
    throw InputError(about + "has SHA-256 " + found + ", its result says " + result.data_checksum +
                     "; the object was damaged or replaced");
  TileFile file = decode_tile_file(bytes);
  if (file.tile_id != result.tile_id || !(file.box == box) || static_cast<int>(file.pixels.size()) != planes)
    throw InputError(about + "has another tile, box or number of planes than was asked for");
  return file;
}

TileLedger dispatch_tiles(const DispatchJob& job, Transport& transport, ObjectStore& store,
                          RunDirectory& directory, const AcceptTile& accept) {
  const std::string reply_to = results_queue(job.task_template.run_id, job.isolation);
  declare_run_queues(job, transport, reply_to);
  transport.consume(reply_to, kResultsPrefetch, true);  // a second master on this queue is refused
  std::optional<ResultsQueueEnd> end_of_round;
  std::optional<ResultsQueueEnd>& end = job.results_end != nullptr ? *job.results_end : end_of_round;
  if (!end) end.emplace(transport, reply_to);
  TileLedger ledger(job.task_template.run_id, static_cast<int>(job.grid->tiles.size()));
  TaskSender sender(job, transport, directory, ledger, reply_to);
  ResultCollector collector(job, ledger, sender, store, directory, accept);
  try {
    for (int id = 0; job.first_round != nullptr && id < ledger.tile_count(); ++id)
      if ((*job.first_round)[static_cast<std::size_t>(id)].data_ref.empty()) ledger.fail(id);
    if (job.task_template.work == TaskWork::kTile)
      directory.append_event("round_began", {{"round", job.first_round == nullptr ? "1" : "2"}});
    if (job.journalled != nullptr) adopt_journal(job, ledger, store, directory, accept);
    sender.publish_open();
    collect(job, transport, ledger, sender, collector);
  } catch (...) {
    try {
      transport.cancel(reply_to);
    } catch (const Error& e) {
      log_warning(std::string("cannot stop taking results: ") + e.what());
    }
    throw;
  }
  transport.cancel(reply_to);
  return ledger;
}

}  // namespace tilecompile
