// The order in which nothing is lost, whoever dies in between: results before the acknowledgement of their
// task, a result in the journal before it is accepted, accepted before it is acknowledged, a dead letter
// before the run ends.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <iterator>
#include <mutex>
#include <set>

#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

/// Tells of deliveries when they are acknowledged, before the broker hears of it, and of confirmed messages.
class Overheard : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  std::optional<Delivery> receive(std::chrono::milliseconds timeout) override {
    auto delivery = inner_->receive(timeout);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (delivery) bodies_[delivery->tag.tag] = delivery->message.body;
    return delivery;
  }
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    auto confirmed = inner_->publish(exchange, queue, message);
    if (on_published) on_published(queue, message);
    return confirmed;
  }
  void ack(const DeliveryTag& tag) override {
    std::string body;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      body = bodies_.at(tag.tag);
    }
    if (on_ack) on_ack(body);
    inner_->ack(tag);
  }
  std::function<void(const std::string& body)> on_ack;
  std::function<void(const std::string& queue, const Message&)> on_published;

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, std::string> bodies_;
};

/// A master and a worker in threads, both overheard.
class Pair {
 public:
  explicit Pair(WholeNight& night, ObjectStore& store)
      : night_(night),
        store_(store),
        directory_(night.folder() / "out", night.run_id),
        master(broker_.connect()),
        worker(broker_.connect()) {
    night.job.retry = {1, 0, 1, 0, 3};
    master.declare(compute_queue_spec(false));
    master.declare(dead_letter_queue_spec(false));
  }
  /// Carries the round out.
  TileLedger run() {
    RunContexts runs = night_.contexts();
    std::atomic<bool> stop{false};
    auto work = std::async(std::launch::async, [&] { run_worker(worker, store_, runs, {"w", 1, 2}, stop); });
    const auto end = [&] {
      stop = true;
      try {
        work.get();
      } catch (const Error&) {
        // A bug of the worker is told by the master too.
      }
    };
    try {
      const TileLedger ledger = dispatch_tiles(night_.job, {master, *night_.store, directory_}, observer);
      end();
      return ledger;
    } catch (...) {
      end();
      throw;
    }
  }
  std::string journal() const {
    std::ifstream file(directory_.path() / "journal.jsonl");
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  WholeNight& night_;
  ObjectStore& store_;
  MemoryBroker broker_;
  RunDirectory directory_;

 public:
  Overheard master, worker;
  TestObserver observer;
};

TEST(Order, AWorkerAcknowledgesATaskAfterAllItsResults) {
  WholeNight night;
  Pair pair(night, *night.store);
  std::mutex mutex;
  std::set<int> answered;
  int tasks = 0;
  pair.worker.on_published = [&](const std::string&, const Message& message) {
    const std::lock_guard<std::mutex> lock(mutex);
    answered.insert(decode_result(message.body).tile_id);
  };
  pair.worker.on_ack = [&](const std::string& body) {
    const std::lock_guard<std::mutex> lock(mutex);
    ++tasks;
    for (const TaskTile& tile : decode_task(body).tiles)
      EXPECT_EQ(answered.count(tile.tile_id), 1u) << tile.tile_id;
  };
  EXPECT_TRUE(pair.run().complete());
  EXPECT_GT(tasks, 1);
}

TEST(Order, AResultIsJournalledThenAcceptedThenAcknowledged) {
  WholeNight night;
  Pair pair(night, *night.store);
  std::set<int> accepted;
  int acknowledged = 0;
  pair.observer.on_accept = [&](const ResultMessage& result, const TileFile&) {
    EXPECT_NE(pair.journal().find(result.data_checksum), std::string::npos) << result.tile_id;
    accepted.insert(result.tile_id);
  };
  pair.master.on_ack = [&](const std::string& body) {
    EXPECT_EQ(accepted.count(decode_result(body).tile_id), 1u);
    ++acknowledged;
  };
  const TileLedger ledger = pair.run();
  EXPECT_EQ(acknowledged, ledger.tile_count());
}

TEST(Order, AFailureIsOnTheDeadLettersBeforeItIsAcknowledgedAndBeforeTheRunEnds) {
  WholeNight night;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 3)) throw InputError("not to be computed");
  });
  Pair pair(night, store);
  night.job.max_failed_tiles = 0;
  bool letter = false, acknowledged_first = false;
  pair.master.on_published = [&](const std::string& queue, const Message&) {
    letter |= queue == kDeadLetterQueue;
  };
  pair.master.on_ack = [&](const std::string& body) {
    if (decode_result(body).failure && !letter) acknowledged_first = true;
  };
  EXPECT_THROW(pair.run(), InputError);
  EXPECT_TRUE(letter);
  EXPECT_FALSE(acknowledged_first);
}

}  // namespace
}  // namespace tilecompile
