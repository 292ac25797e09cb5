#pragma once
#include <atomic>
#include <fstream>
#include <future>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {

/// The connection of a user with the rights of the role `worker`: results and dead letters, no tasks.
class WorkersRights : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    if (exchange == kResultExchange) return inner_->publish(exchange, queue, std::move(message));
    std::promise<void> refused;
    refused.set_exception(std::make_exception_ptr(AccessRefused("access to exchange '" + exchange + "'")));
    return refused.get_future();
  }
};

/// A run over the in-memory broker with workers in threads, whose stores the test may spoil.
class Mill {
 public:
  explicit Mill(WholeNight& night)
      : night_(night), directory_(night.folder() / "out", night.run_id), master_(broker_.connect()) {
    night.job.retry = {3, 0, 1, 0, 3};
    master_->declare(compute_queue_spec(false));
    master_->declare(dead_letter_queue_spec(false));
  }
  ~Mill() {
    stop = true;
    for (auto& worker : workers_)
      if (worker.valid()) worker.wait();
  }
  Mill(const Mill&) = delete;
  Mill& operator=(const Mill&) = delete;

  std::future<void>& add_worker(ObjectStore& store, const std::string& id = "w", int slots = 1) {
    workers_.push_back(std::async(std::launch::async, [this, &store, id, slots] {
      RunContexts runs = {store, night_.frames_dir(), std::size_t{1} << 30, slots, night_.verified};
      WorkersRights transport(broker_.connect());
      run_worker(transport, store, runs, {id, slots, 2}, stop);
    }));
    return workers_.back();
  }
  /// Starts the run; its ledger comes when it ends.
  std::future<TileLedger> start() {
    return std::async(std::launch::async, [this] {
      TestObserver observer([this](const ResultMessage& r, const TileFile&) { accepted[r.tile_id] = r; });
      return dispatch_tiles(night_.job, {*master_, *night_.store, directory_, nullptr, nullptr, &book},
                            observer);
    });
  }
  std::vector<Message> dead_letters() {
    const auto reader = broker_.connect();
    reader->consume(kDeadLetterQueue, 1000);
    std::vector<Message> letters;
    while (const auto delivery = reader->receive(std::chrono::milliseconds(0)))
      letters.push_back(delivery->message);
    return letters;
  }
  std::unique_ptr<Transport> connect() { return broker_.connect(); }
  int tiles() const { return static_cast<int>(night_.grid.tiles.size()); }
  std::string events() const {
    std::ifstream in(directory_.path() / "events.jsonl");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::atomic<bool> stop{false};
  std::map<int, ResultMessage> accepted;
  WorkerBook book;

 private:
  WholeNight& night_;
  RunDirectory directory_;
  MemoryBroker broker_;
  std::unique_ptr<Transport> master_;
  std::list<std::future<void>> workers_;
};

}  // namespace tilecompile
