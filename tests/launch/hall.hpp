#pragma once
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "whole_night.hpp"

namespace tilecompile {

/// A master in a thread of its own, and the test as its only worker.
class Hall {
 public:
  explicit Hall(WholeNight& night)
      : night_(night),
        directory_(night.folder() / "out", night.run_id),
        master_(broker_.connect()),
        worker(broker_.connect()) {
    worker->declare(compute_queue_spec(false));
    worker->consume(kComputeQueue, 1000);
  }
  std::future<int> start() {
    return std::async(std::launch::async, [this] {
      std::set<int> seen;
      observer.on_accept = [&](const ResultMessage& r, const TileFile& file) {
        if (!seen.insert(r.tile_id).second) throw ContractError("a tile was accepted twice");
        if (file.tile_id != r.tile_id) throw ContractError("the file is of another tile");
      };
      const TileLedger ledger =
          dispatch_tiles(night_.job, {*master_, *night_.store, directory_, nullptr, results_end}, observer);
      return static_cast<int>(seen.size()) == ledger.done() && ledger.complete() ? ledger.done() : -1;
    });
  }
  /// All tasks of the run, acknowledged.
  std::vector<Delivery> tasks(std::size_t count) {
    std::vector<Delivery> taken;
    while (taken.size() < count) {
      auto delivery = worker->receive(std::chrono::seconds(30));
      if (!delivery) throw std::runtime_error("no task came");
      worker->ack(delivery->tag);
      taken.push_back(std::move(*delivery));
    }
    return taken;
  }
  std::vector<ResultMessage> compute(const std::string& body) {
    RunContexts runs = night_.contexts();
    std::vector<ResultMessage> results;
    execute_task(body, runs, *night_.store, {"test", 1},
                 [&](const ResultMessage& r) { results.push_back(r); });
    return results;
  }
  void send(const std::string& body) {
    Message message;
    message.body = body;
    worker->publish(kResultExchange, results_queue(night_.run_id, Isolation::kRun), message).get();
  }
  /// An answer about the first tile of a task that carries no data.
  static ResultMessage answer_to(const Delivery& task) {
    ResultMessage answer;
    const TileTask asked = decode_task(task.message.body);
    answer.run_id = asked.run_id;
    answer.correlation_id = asked.correlation_id;
    answer.tile_id = asked.tiles.front().tile_id;
    answer.worker_id = "w9";
    return answer;
  }
  std::filesystem::path path() const { return directory_.path(); }

  TestObserver observer;
  std::optional<ResultsQueueEnd>* results_end = nullptr;

 private:
  WholeNight& night_;
  RunDirectory directory_;
  MemoryBroker broker_;
  std::unique_ptr<Transport> master_;

 public:
  std::unique_ptr<Transport> worker;
};

}  // namespace tilecompile
