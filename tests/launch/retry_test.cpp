// What becomes of tiles that fail: tried again, kept as dead letters, left as holes.
#include <future>
#include <list>
#include <map>
#include <new>
#include <thread>
#include <utility>

#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/operate/dead_letters.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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
      return dispatch_tiles(night_.job, {*master_, *night_.store, directory_}, observer);
    });
  }
  std::vector<Message> dead_letters() {
    const auto reader = broker_.connect();
    reader->consume(kDeadLetterQueue, 1000);
    std::vector<Message> letters;
    while (const auto delivery = reader->receive(milliseconds(0))) letters.push_back(delivery->message);
    return letters;
  }
  std::unique_ptr<Transport> connect() { return broker_.connect(); }
  int tiles() const { return static_cast<int>(night_.grid.tiles.size()); }

  std::atomic<bool> stop{false};
  std::map<int, ResultMessage> accepted;

 private:
  WholeNight& night_;
  RunDirectory directory_;
  MemoryBroker broker_;
  std::unique_ptr<Transport> master_;
  std::list<std::future<void>> workers_;
};

TEST(Retry, ATransientFailureIsTriedAgainAndCounted) {
  WholeNight night;
  Mill mill(night);
  int left = 2;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 3) && left-- > 0) throw TransientError("no space left");
  });
  mill.add_worker(store);
  const TileLedger ledger = mill.start().get();
  EXPECT_EQ(ledger.done(), mill.tiles());
  for (const auto& [id, result] : mill.accepted) EXPECT_EQ(result.attempt, id == 3 ? 3 : 1) << id;
  EXPECT_TRUE(mill.dead_letters().empty());
}

TEST(Retry, AttemptsThatRunOutLeaveADeadLetterAndAHole) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 1;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 3)) throw TransientError("no space left");
  });
  mill.add_worker(store);
  const TileLedger ledger = mill.start().get();
  EXPECT_TRUE(ledger.is_failed(3));
  EXPECT_EQ(ledger.failed(), 1);
  EXPECT_EQ(ledger.done(), mill.tiles() - 1);
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  const TileTask task = decode_task(letters[0].body);
  ASSERT_EQ(task.tiles.size(), 1u);
  EXPECT_EQ(task.tiles[0].tile_id, 3);
  EXPECT_EQ(letters[0].headers.at(kAttemptHeader), "3");
  EXPECT_EQ(letters[0].headers.at(kKindHeader), "transient");
  EXPECT_EQ(letters[0].headers.at(kWorkerHeader), "w");
  EXPECT_NE(letters[0].headers.at(kReasonHeader).find("no space left"), std::string::npos);
}

TEST(Retry, MoreFailedTilesThanAllowedEndTheRun) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 1;
  FaultyStore store(*night.store, [&](const std::string& key) {
    for (const int id : {1, 3})
      if (key == tile_key(night.run_id, id)) throw TransientError("no space left");
  });
  mill.add_worker(store);
  auto run = mill.start();
  try {
    run.get();
    FAIL() << "no error";
  } catch (const TransientError& e) {
    for (const char* word : {"no space left", "retry.max_failed_tiles = 1", "reproduce with"})
      EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
  }
}

TEST(Retry, WrongInputIsNotTriedAgain) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 1;
  int puts = 0;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key != tile_key(night.run_id, 0)) return;
    ++puts;
    throw InputError("the frame is another one");
  });
  mill.add_worker(store);
  EXPECT_TRUE(mill.start().get().is_failed(0));
  EXPECT_EQ(puts, 1);
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].headers.at(kAttemptHeader), "1");
  EXPECT_EQ(letters[0].headers.at(kKindHeader), "input");
}

TEST(Retry, AnImpossibleStateStopsTheWorkerAndTheRun) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 100;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 2)) throw ContractError("minus one pixels");
  });
  auto& worker = mill.add_worker(store);
  auto run = mill.start();
  EXPECT_THROW(run.get(), ContractError);
  EXPECT_THROW(worker.get(), ContractError);
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(decode_task(letters[0].body).tiles[0].tile_id, 2);
}

TEST(Retry, AnImpossibleStateStopsTheWorkerAlsoWhenTheRunHasEndedOverIt) {
  WholeNight night;
  Mill mill(night);
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 0)) throw ContractError("minus one pixels");
  });
  const TileTask task = make_tasks(night.job).front();
  mill.connect()
      ->publish(kTaskExchange, kComputeQueue, task_message(task, {}, "of-a-run-that-is-over"))
      .get();
  EXPECT_THROW(mill.add_worker(store).get(), ContractError);
}

TEST(Retry, WhatTheLibraryThrowsIsAnAnswer) {
  WholeNight night;
  Mill mill(night);
  bool memory_short = true;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 1) && std::exchange(memory_short, false)) throw std::bad_alloc();
  });
  mill.add_worker(store);
  EXPECT_EQ(mill.start().get().done(), mill.tiles());
  EXPECT_EQ(mill.accepted.at(1).attempt, 2) << "memory may suffice the next time";
  WholeNight other;
  Mill second(other);
  other.job.max_failed_tiles = 100;
  FaultyStore buggy(*other.store, [&](const std::string& key) {
    if (key == tile_key(other.run_id, 1)) throw std::logic_error("vector::at");
  });
  auto& worker = second.add_worker(buggy);
  auto run = second.start();
  EXPECT_THROW(run.get(), ContractError);
  EXPECT_THROW(worker.get(), ContractError);
}

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

TEST(DeadLetters, AreShownKeptTriedAgainAndDropped) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 2;
  bool repaired = false;
  FaultyStore store(*night.store, [&](const std::string& key) {
    for (const int id : {1, 3})
      if (!repaired && key == tile_key(night.run_id, id)) throw InputError("the frame is another one");
  });
  mill.add_worker(store);
  const TileLedger ledger = mill.start().get();
  EXPECT_EQ(ledger.failed(), 2);
  const auto party = mill.connect();
  std::vector<std::string> ids;
  std::string refusal;
  visit_dead_letters(*party, [&](const DeadLetter& letter) {
    ids.push_back(letter.id);
    EXPECT_EQ(letter.run_id, night.run_id);
    EXPECT_EQ(letter.kind, "input");
    EXPECT_EQ(letter.worker_id, "w");
    try {
      retry_dead_letter(*party, letter);
    } catch (const TransientError& e) {
      refusal = e.what();
    }
    return LetterFate::kKeep;
  });
  EXPECT_EQ(ids, (std::vector<std::string>{night.run_id + ":1", night.run_id + ":3"}));
  EXPECT_NE(refusal.find("--resume"), std::string::npos) << refusal;
  // Once a master waits again, the task goes its way.
  party->declare(results_queue_spec(results_queue(night.run_id, Isolation::kRun), false));
  repaired = true;
  visit_dead_letters(*party, [&](const DeadLetter& letter) {
    if (letter.tiles.front() == 3) retry_dead_letter(*party, letter);
    return LetterFate::kDrop;
  });
  party->consume(results_queue(night.run_id, Isolation::kRun), 10);
  const ResultMessage result = decode_result(party->receive(seconds(30)).value().message.body);
  EXPECT_EQ(result.tile_id, 3);
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(mill.dead_letters().empty());
}

TEST(TaskEnvelope, TravelsInHeaders) {
  WholeNight night;
  const TileTask task = make_tasks(night.job).front();
  for (const TaskCare care : {TaskCare::kNone, TaskCare::kAnnounce, TaskCare::kAlone}) {
    TaskEnvelope envelope{4, care, "diagnostics"};
    const Message message = task_message(task, envelope, "answers");
    const TaskEnvelope read = read_envelope(message);
    EXPECT_EQ(read.attempt, 4);
    EXPECT_EQ(read.care, care);
    EXPECT_EQ(read.diagnostics_queue, "diagnostics");
    EXPECT_EQ(message.reply_to, "answers");
  }
  EXPECT_EQ(read_envelope(Message{}).attempt, 1);
  EXPECT_EQ(read_envelope(Message{}).care, TaskCare::kNone);
}

TEST(TaskEnvelope, HeadersThatCannotBeRightAreRefused) {
  for (const char* text : {"0", "-1", "x", "1e9", "99999999999999999999"}) {
    Message message;
    message.headers[kAttemptHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* text : {"none", "Alone", "alone ", "2"}) {
    Message message;
    message.headers[kCareHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* name : {kCareHeader, kDiagnosticsHeader, kAttemptHeader}) {
    Message message;
    message.headers[name] = std::string(60000, '1');
    EXPECT_THROW(read_envelope(message), InputError) << name;
  }
}

}  // namespace
}  // namespace tilecompile
