#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "broker/patience.hpp"
#include "launch/own_tiles_pool.hpp"
#include "liar.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/dispatch/audit_key.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {

/// The master's connection, which counts its looks at tile.compute.
class Looking : public ForwardingTransport {
 public:
  Looking(std::unique_ptr<Transport> inner, std::atomic<int>& looks)
      : ForwardingTransport(std::move(inner)), looks_(looks) {}
  std::optional<QueueState> inspect(const std::string& queue) override {
    auto state = inner_->inspect(queue);
    if (queue == kComputeQueue) ++looks_;
    return state;
  }

 private:
  std::atomic<int>& looks_;
};

/// A run that trusts nobody, with workers in threads.
class Court {
 public:
  explicit Court(WholeNight& night)
      : night_(night),
        directory_(night.folder() / "out", night.run_id),
        master_(std::make_unique<Looking>(broker_.connect(), looks)) {
    night.job.analysis = &night.analysis;
    night.job.frame_chunk = night.method.reconstruction.frame_chunk;
    night.job.audit_percent = 100;
    night.job.audit_key = audit_key(directory_);
    night.job.batch = 1;
    master_->declare(compute_queue_spec(false));
    master_->declare(dead_letter_queue_spec(false));
    own_ = own_tiles_pool(*night.store, night.frames_dir(), {});
    own = own_.get();
    // What an honest run gives, computed where nobody looks.
    RunContexts runs = night.contexts();
    for (const TileTask& task : make_tasks(night.job))
      execute_task(encode_task(task), runs, *night.store, {"honest", 1}, [&](const ResultMessage& r) {
        honest[r.tile_id] = r.data_checksum;
        objects_[r.data_ref] = night.store->get(r.data_ref);
        night.store->remove(r.data_ref);
      });
  }
  ~Court() {
    stop = true;
    for (auto& worker : workers_) worker.wait();
  }
  Court(const Court&) = delete;
  Court& operator=(const Court&) = delete;

  void add_worker(const std::string& id, const Liar::Lie& lie = {}, const Liar::ForgeMessage& forge = {}) {
    workers_.push_back(std::async(std::launch::async, [this, id, lie, forge] {
      RunContexts runs = night_.contexts();
      Liar transport(broker_.connect(), *night_.store, lie, forge);
      run_worker(transport, *night_.store, runs, {id, 1, 1}, stop);
    }));
    if (started_) return;
    const auto party = connect();
    if (!comes_true([&] { return party->inspect(kComputeQueue)->consumers == workers_.size(); }))
      throw std::runtime_error(id + " does not begin");
  }
  /// Of those that were added before, every one gets a task: the broker hands them out in turn.
  std::future<TileLedger> start() {
    started_ = true;
    return std::async(std::launch::async, [this] {
      TestObserver observer([this](const ResultMessage& r, const TileFile&) { accepted[r.tile_id] = r; });
      return dispatch_tiles(night_.job, place(), observer);
    });
  }
  RoundPlace place() { return {*master_, *night_.store, directory_, nullptr, nullptr, nullptr, own, &book}; }
  /// The end of the run, and that it is an honest one's.
  TileLedger end(std::future<TileLedger>& run) {
    if (run.wait_for(std::chrono::seconds(60)) != std::future_status::ready)
      throw std::runtime_error("the run does not end");
    TileLedger ledger = run.get();
    EXPECT_EQ(ledger.done(), static_cast<int>(honest.size()));
    for (const auto& [id, checksum] : honest) {
      EXPECT_EQ(accepted[id].data_checksum, checksum) << "tile " << id;
      EXPECT_EQ(sha256_hex(night_.store->get(tile_key(night_.run_id, id))), checksum) << "stored tile " << id;
    }
    return ledger;
  }
  std::string events() const {
    std::ifstream in(directory_.path() / "events.jsonl");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::unique_ptr<Transport> connect() { return broker_.connect(); }
  const std::string& object(const std::string& ref) const { return objects_.at(ref); }
  void send(const ResultMessage& result) {
    Message message;
    message.body = encode_result(result);
    connect()->publish(kResultExchange, results_queue(night_.run_id, Isolation::kRun), message).get();
  }

  std::atomic<bool> stop{false};
  std::atomic<int> looks{0};  ///< of the master at tile.compute
  std::map<int, ResultMessage> accepted;
  std::map<int, std::string> honest;  ///< checksums by tile
  TrustBook book;
  OwnTiles* own = nullptr;

 private:
  WholeNight& night_;
  RunDirectory directory_;
  MemoryBroker broker_;
  std::unique_ptr<Transport> master_;
  std::unique_ptr<OwnTiles> own_;
  std::map<std::string, std::string> objects_;
  std::list<std::future<void>> workers_;
  bool started_ = false;
};

}  // namespace tilecompile
