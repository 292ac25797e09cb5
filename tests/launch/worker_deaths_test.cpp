// What becomes of tiles whose workers die, stop or lose their queue.
#include <future>
#include <utility>

#include "faulty_store.hpp"
#include "mill.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::seconds;

/// A worker that dies at its end over all the tasks it holds then.
class Mortal {
 public:
  Mortal(Mill& mill, std::string id) : id_(std::move(id)), transport_(mill.connect()) {
    transport_->consume(kComputeQueue, 1000);
  }
  /// Takes tasks until one comes that begins with `first_tile`, and begins its tile number `begin`.
  TileTask take(int first_tile, std::size_t begin = 0) {
    for (;;) {
      const auto came = transport_->receive(seconds(30));
      if (!came) {
        ADD_FAILURE() << id_ << " got no task that begins with tile " << first_tile;
        return {};
      }
      const Delivery& delivery = *came;
      const TileTask task = decode_task(delivery.message.body);
      if (delivery.redelivered) {
        for (const TaskTile& tile : task.tiles) {
          ResultMessage back = answer(task, tile);
          back.failure = TileFailure{ErrorKind::kTransient, "another had it"};
          back.hand_back = HandBack::kRedelivered;
          send(delivery, back);
        }
        transport_->ack(delivery.tag);
      } else if (task.tiles.front().tile_id == first_tile) {
        if (read_envelope(delivery.message).care != TaskCare::kNone) {
          ResultMessage begun = answer(task, task.tiles[begin]);
          begun.begun = true;
          send(delivery, begun);
        }
        return task;
      }
    }
  }

 private:
  ResultMessage answer(const TileTask& task, const TaskTile& tile) const {
    ResultMessage answer;
    answer.correlation_id = task.correlation_id;
    answer.run_id = task.run_id;
    answer.tile_id = tile.tile_id;
    answer.worker_id = id_;
    return answer;
  }
  void send(const Delivery& task, const ResultMessage& answer) {
    Message message;
    message.body = encode_result(answer);
    transport_->publish(kResultExchange, task.message.reply_to, message).get();
  }

  const std::string id_;
  std::unique_ptr<Transport> transport_;
};

TEST(Retry, ATileThatKillsItsWorkersIsComputedAloneAndGivenUpWithTheEvidence) {
  WholeNight night;
  night.job.batch = 1000;
  Mill mill(night);
  night.job.max_failed_tiles = 1;
  auto run = mill.start();
  // All tiles are one task. It comes again as it was, and its tiles are announced from now on.
  for (const char* id : {"first", "second"})
    EXPECT_EQ(Mortal(mill, id).take(0, 2).tiles.size(), night.grid.tiles.size());
  // Tile 2 was begun when its worker died: it has a task of its own now.
  for (const char* id : {"third", "fourth"}) EXPECT_EQ(Mortal(mill, id).take(2).tiles.size(), 1u);
  mill.add_worker(*night.store);
  const TileLedger ledger = run.get();
  EXPECT_TRUE(ledger.is_failed(2));
  EXPECT_EQ(ledger.failed(), 1);
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(decode_task(letters[0].body).tiles[0].tile_id, 2);
  for (const char* word : {"3 workers", "second", "third", "fourth"})
    EXPECT_NE(letters[0].headers.at(kReasonHeader).find(word), std::string::npos) << word;
}

TEST(Retry, ATaskOfADeadWorkerIsDoneByAnotherAndBlamesNoTile) {
  WholeNight night;
  Mill mill(night);
  auto run = mill.start();
  Mortal(mill, "first").take(0);
  mill.add_worker(*night.store, "w", 2);
  const TileLedger ledger = run.get();
  EXPECT_EQ(ledger.done(), mill.tiles());
  for (const auto& [id, result] : mill.accepted) {
    EXPECT_EQ(result.attempt, 1) << id;
    EXPECT_TRUE(ledger.tile(id).deaths.empty()) << id;
  }
}

TEST(Retry, AStoppedWorkerHandsBackTheTilesItHasNotBegun) {
  WholeNight night;
  night.job.batch = 1000;
  Mill mill(night);
  int puts = 0;
  const auto is_tile = [](const std::string& key) { return key.find("/tiles/") != std::string::npos; };
  FaultyStore first(*night.store, [&](const std::string& key) {
    if (is_tile(key) && ++puts == 2) mill.stop = true;
  });
  auto& stopped = mill.add_worker(first, "first");
  auto run = mill.start();
  stopped.get();
  EXPECT_EQ(puts, 2);
  mill.stop = false;
  int more = 0;
  FaultyStore second(*night.store, [&](const std::string& key) { more += is_tile(key) ? 1 : 0; });
  mill.add_worker(second, "second");
  EXPECT_EQ(run.get().done(), mill.tiles());
  EXPECT_EQ(puts + more, mill.tiles());
}

TEST(Retry, TasksOfADeletedQueueArePublishedAgain) {
  WholeNight night;
  Mill mill(night);
  night.job.stall_after_s = 0.2;
  auto run = mill.start();
  const auto party = mill.connect();
  while (!party->inspect(kComputeQueue) || party->inspect(kComputeQueue)->messages == 0)
    std::this_thread::yield();
  party->remove_queue(kComputeQueue);
  while (!party->inspect(kComputeQueue)) std::this_thread::yield();
  mill.add_worker(*night.store);
  EXPECT_EQ(run.get().done(), mill.tiles());
}

}  // namespace
}  // namespace tilecompile
