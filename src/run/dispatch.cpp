#include "tilecompile/run/dispatch.hpp"

#include <chrono>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kConsumerCheckEvery = 15s;
constexpr int kResultsPrefetch = 64;

std::vector<std::future<void>> publish_tasks(const std::vector<TileTask>& tasks, const std::string& reply_to,
                                             const DiagnosticsCollector* diagnostics, Transport& transport) {
  std::vector<std::future<void>> confirms;
  for (const TileTask& task : tasks) {
    Message message;
    message.body = encode_task(task);
    message.correlation_id = task.correlation_id;
    message.message_id = task.run_id + ":" + std::to_string(task.tiles.front().tile_id);
    message.reply_to = reply_to;
    if (diagnostics != nullptr) diagnostics->ask(message);
    confirms.push_back(transport.publish(kTaskExchange, kComputeQueue, std::move(message)));
  }
  return confirms;
}

// Says so when nobody consumes the tasks: the usual reason why nothing happens.
class ConsumerCheck {
 public:
  void look(Transport& transport) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < kConsumerCheckEvery) return;
    last_ = now;
    const auto state = transport.inspect(kComputeQueue);
    if (state && state->consumers == 0)
      log_warning(std::string("no worker consumes ") + kComputeQueue +
                      ": start one with 'tilecompile worker' on any host "
                      "that reaches the broker and the storage, or start the master with --workers N",
                  {{"tasks_waiting", std::to_string(state->messages)}});
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

[[noreturn]] void fail_tile(const ResultMessage& result, const std::string& run_dir, bool synthetic) {
  const std::string id = std::to_string(result.tile_id);
  throw_failure(*result.failure, "tile " + id + " failed on worker " + result.worker_id + ": " +
                                     result.failure->text + "; reproduce with: tilecompile tile " + run_dir +
                                     " " + id + (synthetic ? " --synthetic" : ""));
}

void report_conflict(const ResultMessage& first, const ResultMessage& second) {
  throw ContractError("determinism alarm: tile " + std::to_string(first.tile_id) + " has checksum " +
                      first.data_checksum + " from worker " + first.worker_id + " but " +
                      second.data_checksum + " from worker " + second.worker_id +
                      "; compare program versions and processors of the two hosts");
}

// The results of one run as they come in.
class Collector {
 public:
  Collector(const DispatchJob& job, Transport& transport, ObjectStore& store, RunDirectory& directory,
            const AcceptTile& accept)
      : job_(job),
        transport_(transport),
        store_(store),
        directory_(directory),
        accept_(accept),
        ledger_(job.task_template.run_id, static_cast<int>(job.grid->tiles.size())) {}

  void take(const Delivery& delivery) {
    try {
      const ResultMessage result = decode_result(delivery.message.body);
      judge(result, delivery.message.body);
    } catch (const InputError& e) {
      if (failed_) throw;
      log_warning(std::string("a message on the results queue is ignored: ") + e.what());
    }
    transport_.ack(delivery.tag);
  }
  TileLedger& ledger() { return ledger_; }

 private:
  void judge(const ResultMessage& result, const std::string& body) {
    if (result.run_id != job_.task_template.run_id || result.tile_id >= ledger_.tile_count()) {
      log_warning("a result of another run or of an unknown tile is ignored",
                  {{"run_id", result.run_id}, {"tile_id", std::to_string(result.tile_id)}});
      return;
    }
    // A late duplicate of the first round is none of the second.
    if (job_.first_round != nullptr && !result.failure &&
        result.data_ref == (*job_.first_round)[static_cast<std::size_t>(result.tile_id)].data_ref)
      return;
    if (result.failure) {
      directory_.append_event("tile_failed", {{"tile_id", std::to_string(result.tile_id)},
                                              {"worker_id", result.worker_id},
                                              {"kind", kind_name(result.failure->kind)},
                                              {"text", result.failure->text}});
      failed_ = true;
      fail_tile(result, directory_.path().string(), job_.first_round != nullptr);
    }
    if (ledger_.is_done(result.tile_id)) {
      if (ledger_.offer(result) == TileLedger::Verdict::kConflict)
        report_conflict(ledger_.result(result.tile_id), result);
      return;
    }
    failed_ = true;  // what load_tile throws is about the tile, not about the message
    TileFile file =
        load_tile(store_, result, job_.grid->tiles[static_cast<std::size_t>(result.tile_id)], job_.planes);
    failed_ = false;
    ledger_.offer(result);
    directory_.append_journal(body);
    accept_(result, std::move(file));
    job_.progress(ledger_.done());
  }

  const DispatchJob& job_;
  Transport& transport_;
  ObjectStore& store_;
  RunDirectory& directory_;
  const AcceptTile& accept_;
  TileLedger ledger_;
  bool failed_ = false;
};

void collect(const DispatchJob& job, Transport& transport, Collector& collector) {
  ConsumerCheck consumers;
  while (!collector.ledger().complete()) {
    job.check_stop();
    const auto delivery = transport.receive(200ms);
    if (delivery && job.diagnostics != nullptr && job.diagnostics->take(*delivery)) continue;
    if (delivery) {
      collector.take(*delivery);
    } else {
      job.watch();
      consumers.look(transport);
    }
  }
}

}  // namespace

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

std::vector<TileTask> make_tasks(const DispatchJob& job) {
  std::vector<TileTask> tasks;
  const auto& boxes = job.grid->tiles;
  for (std::size_t id = 0; id < boxes.size(); ++id) {
    const bool full =
        !tasks.empty() && job.batch > 0 && tasks.back().tiles.size() >= static_cast<std::size_t>(job.batch);
    const bool new_row = job.batch == 0 && id > 0 && boxes[id].y0 != boxes[id - 1].y0;
    if (tasks.empty() || full || new_row) {
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
  const auto leave = [&] {
    transport.cancel(reply_to);
    if (reply_to != kResultsQueue) transport.remove_queue(reply_to);
  };
  transport.declare(compute_queue_spec(job.quorum));
  transport.declare(dead_letter_queue_spec(job.quorum));
  transport.declare(results_queue_spec(reply_to, job.quorum));
  transport.consume(reply_to, kResultsPrefetch, true);  // a second master on this queue is refused
  Collector collector(job, transport, store, directory, accept);
  try {
    auto confirms = publish_tasks(make_tasks(job), reply_to, job.diagnostics, transport);
    directory.append_event("tasks_published", {{"tasks", std::to_string(confirms.size())}});
    collect(job, transport, collector);
    for (auto& confirm : confirms) confirm.get();
  } catch (...) {
    // Without its results queue nobody waits for the tasks that are left, and workers drop them.
    try {
      leave();
    } catch (const Error& e) {
      log_warning(std::string("the results queue stays behind: ") + e.what());
    }
    throw;
  }
  leave();
  return std::move(collector.ledger());
}

}  // namespace tilecompile
