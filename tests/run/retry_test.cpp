// What becomes of tiles that fail: tried again, kept as dead letters, left as holes.
#include <future>
#include <list>
#include <map>
#include <thread>

#include "run/faulty_store.hpp"
#include "small_night.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/run/crash_marks.hpp"
#include "tilecompile/run/dead_letters.hpp"
#include "tilecompile/run/diagnostics_sender.hpp"
#include "tilecompile/run/forwarding_transport.hpp"
#include "tilecompile/run/task_message.hpp"
#include "tilecompile/run/topology.hpp"
#include "tilecompile/run/worker.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// The connection of a user with the rights of the role `worker`.
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
  explicit Mill(SmallNight& night)
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
      std::unique_ptr<Transport> transport = broker_.connect();
      if (workers_rights) transport = std::make_unique<WorkersRights>(std::move(transport));
      run_worker(*transport, store, runs, {id, slots, 2}, stop);
    }));
    return workers_.back();
  }
  /// Starts the run; its ledger comes when it ends.
  std::future<TileLedger> start() {
    return std::async(std::launch::async, [this] {
      return dispatch_tiles(night_.job, *master_, *night_.store, directory_,
                            [this](const ResultMessage& r, const TileFile&) { accepted[r.tile_id] = r; });
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
  bool workers_rights = false;  ///< of workers added from now on: may not publish tasks
  std::map<int, ResultMessage> accepted;

 private:
  SmallNight& night_;
  RunDirectory directory_;
  MemoryBroker broker_;
  std::unique_ptr<Transport> master_;
  std::list<std::future<void>> workers_;
};

/// Whether workers have the rights of the role `worker` only: then the master puts tiles on the ladder for
/// them.
class RetryByRights : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Workers, RetryByRights, testing::Values(false, true), [](const auto& rights) {
  return rights.param ? "MayNotPublishTasks" : "MayPublishTasks";
});

TEST_P(RetryByRights, ATransientFailureIsTriedAgainAndCounted) {
  SmallNight night;
  Mill mill(night);
  mill.workers_rights = GetParam();
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

TEST_P(RetryByRights, AttemptsThatRunOutLeaveADeadLetterAndAHole) {
  SmallNight night;
  Mill mill(night);
  mill.workers_rights = GetParam();
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
  SmallNight night;
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
  SmallNight night;
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
  SmallNight night;
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

/// A worker that dies over the first task it gets, which it marked when it was not the first to have it.
std::string die_over_a_task(Mill& mill, ObjectStore& store, const std::string& id) {
  const auto transport = mill.connect();
  transport->consume(kComputeQueue, 1);
  const auto delivery = transport->receive(seconds(30)).value();
  if (delivery.redelivered) CrashMarks(store).begin(decode_task(delivery.message.body), id);
  return delivery.message.message_id;
}

TEST_P(RetryByRights, ATileThatKillsItsWorkersIsKeptWithTheEvidence) {
  SmallNight night;
  night.job.batch = 1;
  Mill mill(night);
  mill.workers_rights = GetParam();
  night.job.max_failed_tiles = 1;
  auto run = mill.start();
  for (const char* id : {"first", "second", "third", "fourth"})
    EXPECT_EQ(die_over_a_task(mill, *night.store, id), night.run_id + ":0");
  mill.add_worker(*night.store);
  const TileLedger ledger = run.get();
  EXPECT_TRUE(ledger.is_failed(0));
  EXPECT_EQ(ledger.failed(), 1);
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  for (const char* word : {"3 workers", "second", "third", "fourth"})
    EXPECT_NE(letters[0].headers.at(kReasonHeader).find(word), std::string::npos) << word;
}

TEST_P(RetryByRights, TilesOfATaskThatKilledAWorkerAreTriedOneByOne) {
  SmallNight night;
  Mill mill(night);
  mill.workers_rights = GetParam();
  auto run = mill.start();
  die_over_a_task(mill, *night.store, "first");
  die_over_a_task(mill, *night.store, "second");
  mill.add_worker(*night.store, "w", 2);
  const TileLedger ledger = run.get();
  EXPECT_EQ(ledger.done(), mill.tiles());
  EXPECT_FALSE(std::filesystem::exists(night.folder() / "store" / night.run_id / "started") &&
               !std::filesystem::is_empty(night.folder() / "store" / night.run_id / "started"));
}

TEST(Retry, ARedeliveredTaskThatWasNobodysFaultRunsAsItIs) {
  SmallNight night;
  Mill mill(night);
  auto run = mill.start();
  die_over_a_task(mill, *night.store, "first");
  mill.add_worker(*night.store);
  EXPECT_EQ(run.get().done(), mill.tiles());
  for (const auto& [id, result] : mill.accepted) EXPECT_EQ(result.attempt, 1) << id;
}

TEST_P(RetryByRights, AStoppedWorkerHandsBackTheTilesItHasNotBegun) {
  SmallNight night;
  night.job.batch = 1000;
  Mill mill(night);
  mill.workers_rights = GetParam();
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
  // A redelivered task also leaves a mark on the storage, which is no tile.
  FaultyStore second(*night.store, [&](const std::string& key) { more += is_tile(key) ? 1 : 0; });
  mill.add_worker(second, "second");
  EXPECT_EQ(run.get().done(), mill.tiles());
  EXPECT_EQ(puts + more, mill.tiles());
}

TEST(Retry, TasksOfADeletedQueueArePublishedAgain) {
  SmallNight night;
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
  SmallNight night;
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
  party->declare(results_queue_spec(results_queue(night.run_id, "run"), false));
  repaired = true;
  visit_dead_letters(*party, [&](const DeadLetter& letter) {
    if (letter.tiles.front() == 3) retry_dead_letter(*party, letter);
    return LetterFate::kDrop;
  });
  party->consume(results_queue(night.run_id, "run"), 10);
  const ResultMessage result = decode_result(party->receive(seconds(30)).value().message.body);
  EXPECT_EQ(result.tile_id, 3);
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(mill.dead_letters().empty());
}

TEST(TaskEnvelope, TravelsInHeaders) {
  SmallNight night;
  const TileTask task = make_tasks(night.job).front();
  TaskEnvelope envelope{4, {7, 0.5, 1.25, 99, 2}, {"a at noon", "b at night"}};
  const Message message = task_message(task, envelope, "answers");
  const TaskEnvelope read = read_envelope(message);
  EXPECT_EQ(read.attempt, 4);
  EXPECT_EQ(read.retry, envelope.retry);
  EXPECT_EQ(read.died, envelope.died);
  EXPECT_EQ(message.reply_to, "answers");
  EXPECT_EQ(read_envelope(Message{}).attempt, 1);
}

TEST(TaskEnvelope, HeadersThatCannotBeRightAreRefused) {
  for (const char* text : {"0", "-1", "x", "1e9", "99999999999999999999"}) {
    Message message;
    message.headers[kAttemptHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* text :
       {"{", "[]", "{}", R"({"max_attempts":0,"base_s":1,"factor":1,"cap_s":1,"max_worker_deaths":1})",
        R"({"max_attempts":3,"base_s":1e300,"factor":1,"cap_s":1,"max_worker_deaths":1})",
        R"({"max_attempts":3,"base_s":-1,"factor":1,"cap_s":1,"max_worker_deaths":1,"more":1})"}) {
    Message message;
    message.headers[kRetryHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* name : {kDiedHeader, kDiagnosticsHeader, kRetryHeader, kAttemptHeader}) {
    Message message;
    message.headers[name] = std::string(60000, '1');
    EXPECT_THROW(read_envelope(message), InputError) << name;
  }
}

}  // namespace
}  // namespace tilecompile
