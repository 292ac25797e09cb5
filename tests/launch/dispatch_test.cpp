#include "tilecompile/dispatch/dispatch.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <set>

#include "hall.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/run_queues.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::seconds;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t line_count(const std::filesystem::path& path) {
  const std::string text = text_of(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::size_t count_of(const std::string& text, const std::string& words) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; ++at) ++count;
  return count;
}

template <class E>
std::string text_thrown(std::future<int>& run) {
  try {
    run.get();
  } catch (const E& e) {
    return e.what();
  }
  return "(not thrown)";
}

TEST(Dispatch, TasksCarryThePriorityOfTheirRunAndTheHighestComeFirst) {
  WholeNight night;
  night.job.priority = 7;
  Hall hall(night);
  const auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  for (const Delivery& task : tasks) EXPECT_EQ(task.message.priority, 7);
  EXPECT_EQ(compute_queue_spec(false).max_priority, kHighestPriority);
  EXPECT_EQ(compute_queue_spec(true).max_priority, 0) << "a quorum queue refuses the argument";
  for (const Delivery& task : tasks)
    for (const ResultMessage& result : hall.compute(task.message.body)) hall.send(encode_result(result));
}

TEST(Dispatch, DuplicatesForeignAndDamagedMessagesChangeNothing) {
  WholeNight night;
  Hall hall(night);
  auto run = hall.start();
  auto tasks = hall.tasks(make_tasks(night.job).size());
  EXPECT_EQ(tasks.front().message.reply_to, results_queue(night.run_id, Isolation::kRun));
  std::reverse(tasks.begin(), tasks.end());
  const int ends_the_run = decode_task(tasks.back().message.body).tiles.back().tile_id;
  for (const Delivery& task : tasks)
    for (ResultMessage result : hall.compute(task.message.body)) {
      hall.send("{\"schema\": 1}");
      hall.send("no JSON at all");
      ResultMessage foreign = result;
      foreign.run_id = "00000000-0000-4000-8000-000000000000";
      foreign.data_checksum = std::string(64, '0');
      hall.send(encode_result(foreign));
      foreign = result;  // of the second round, from before a kill and a resume
      foreign.data_ref = synthetic_tile_key(night.run_id, result.tile_id);
      foreign.data_checksum = std::string(64, '0');
      hall.send(encode_result(foreign));
      foreign = result;
      foreign.tile_id = 99999;
      hall.send(encode_result(foreign));
      if (result.tile_id == 0) {
        // The last tile: its repeats must come before the result that ends the run.
        for (ResultMessage other : hall.compute(tasks.front().message.body)) hall.send(encode_result(other));
      }
      hall.send(encode_result(result));
      if (result.tile_id != ends_the_run) {
        result.worker_id = "another";
        hall.send(encode_result(result));
      }
    }
  EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
  EXPECT_EQ(line_count(hall.path() / "journal.jsonl"), night.grid.tiles.size());
  EXPECT_FALSE(hall.worker->inspect(results_queue(night.run_id, Isolation::kRun)));
}

TEST(Dispatch, AnotherChecksumRaisesTheAlarm) {
  WholeNight night;
  Hall hall(night);
  auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  ResultMessage result = hall.compute(tasks.front().message.body).front();
  hall.send(encode_result(result));
  result.data_checksum = std::string(64, 'e');
  result.worker_id = "strange-host";
  hall.send(encode_result(result));
  const std::string text = text_thrown<ContractError>(run);
  for (const char* word : {"determinism", "tile 0", "worker test", "strange-host"})
    EXPECT_NE(text.find(word), std::string::npos) << text;
}

TEST(Dispatch, AnObjectThatIsNotWhatItsResultSaysEndsTheRunAfterTheLastAttempt) {
  WholeNight night;
  night.job.retry.max_attempts = 1;
  Hall hall(night);
  auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  const ResultMessage result = hall.compute(tasks.front().message.body).front();
  std::string bytes = night.store->get(result.data_ref);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  night.store->put(result.data_ref, bytes);
  hall.send(encode_result(result));
  const std::string text = text_thrown<InputError>(run);
  EXPECT_NE(text.find("tile 0"), std::string::npos) << text;
  EXPECT_NE(text.find("SHA-256"), std::string::npos) << text;
  EXPECT_EQ(line_count(hall.path() / "journal.jsonl"), 0u);
}

TEST(Dispatch, ATileWhoseObjectIsDamagedIsAskedForAgain) {
  WholeNight night;
  night.job.retry.base_s = 0;
  Hall hall(night);
  auto run = hall.start();
  auto tasks = hall.tasks(make_tasks(night.job).size());
  bool damaged = false;
  std::size_t rounds = 0;
  while (!tasks.empty()) {
    ++rounds;
    for (const Delivery& task : tasks)
      for (ResultMessage result : hall.compute(task.message.body)) {
        result.attempt = read_envelope(task.message).attempt;
        if (!std::exchange(damaged, true)) night.store->put(result.data_ref, "half a ti");
        hall.send(encode_result(result));
      }
    tasks.clear();
    if (rounds == 1) tasks = hall.tasks(1);
  }
  EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
  EXPECT_NE(text_of(hall.path() / "events.jsonl").find("tile_retried"), std::string::npos);
}

TEST(Dispatch, AnObjectOfAnotherTileIsRefused) {
  WholeNight night;
  night.job.retry.max_attempts = 1;
  Hall hall(night);
  auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  const auto results = hall.compute(tasks.front().message.body);
  ASSERT_GT(results.size(), 1u);
  ResultMessage mixed = results[0];
  mixed.data_ref = results[1].data_ref;
  mixed.data_checksum = results[1].data_checksum;
  hall.send(encode_result(mixed));
  EXPECT_NE(text_thrown<InputError>(run).find("another tile"), std::string::npos);
}

TEST(Dispatch, AFailedTileEndsTheRunWithItsKindAndText) {
  for (const ErrorKind kind : {ErrorKind::kInput, ErrorKind::kTransient, ErrorKind::kContract}) {
    WholeNight night;
    night.job.retry.max_attempts = 1;
    Hall hall(night);
    auto run = hall.start();
    const auto tasks = hall.tasks(make_tasks(night.job).size());
    ResultMessage failed = Hall::answer_to(tasks.front());
    failed.tile_id = 2;
    failed.failure = TileFailure{kind, "the frame is gone"};
    hall.send(encode_result(failed));
    try {
      run.get();
      FAIL() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), kind);
      for (const char* word : {"tile 2", "w9", "the frame is gone", "; reproduce with: tilecompile tile "})
        EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
    }
    EXPECT_NE(text_of(hall.path() / "events.jsonl").find("tile_failed"), std::string::npos);
  }
}

TEST(Dispatch, AFailureThatAnswersNoTaskOfThisRoundDecidesNothing) {
  WholeNight night;
  Hall hall(night);
  auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  ResultMessage failed;  // of the other round, or of a task that a master sent before it was killed
  failed.run_id = night.run_id;
  failed.correlation_id = "11111111-2222-4333-8444-555555555555";
  failed.worker_id = "w9";
  failed.attempt = night.job.retry.max_attempts;
  failed.failure = TileFailure{ErrorKind::kInput, "the frame is gone"};
  hall.send(encode_result(failed));
  for (const Delivery& task : tasks)
    for (const ResultMessage& result : hall.compute(task.message.body)) hall.send(encode_result(result));
  EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
  EXPECT_EQ(text_of(hall.path() / "events.jsonl").find("tile_failed"), std::string::npos);
}

TEST(Dispatch, ATileThatIsHandedBackAgainAndAgainComesToWait) {
  WholeNight night;
  night.job.retry.base_s = night.job.retry.cap_s = 1;
  Hall hall(night);
  const auto began = std::chrono::steady_clock::now();
  auto run = hall.start();
  const auto tasks = hall.tasks(make_tasks(night.job).size());
  ResultMessage back = Hall::answer_to(tasks.front());
  back.failure = TileFailure{ErrorKind::kTransient, "told to stop"};
  back.hand_back = HandBack::kStopping;
  for (int turn = 0; turn < 5; ++turn) {
    hall.send(encode_result(back));
    const Delivery again = hall.tasks(1).front();
    EXPECT_EQ(decode_task(again.message.body).tiles.size(), 1u);
    back.correlation_id = again.message.correlation_id;
  }
  for (const Delivery& task : tasks)
    for (const ResultMessage& result : hall.compute(task.message.body)) hall.send(encode_result(result));
  EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
  EXPECT_EQ(count_of(text_of(hall.path() / "events.jsonl"), "tile_handed_back"), 5u);
  EXPECT_GE(std::chrono::steady_clock::now() - began, seconds(2)) << "the fourth and fifth had to wait";
}

TEST(Dispatch, TilesThatComeBackTogetherShareATaskAgain) {
  WholeNight night;
  Hall hall(night);
  auto run = hall.start();
  auto tasks = hall.tasks(make_tasks(night.job).size());
  const TileTask first = decode_task(tasks.front().message.body);
  for (const TaskTile& tile : first.tiles) {
    ResultMessage back = Hall::answer_to(tasks.front());
    back.tile_id = tile.tile_id;
    back.failure = TileFailure{ErrorKind::kTransient, "told to stop"};
    back.hand_back = HandBack::kStopping;
    hall.send(encode_result(back));
  }
  tasks.front() = hall.tasks(1).front();
  const TileTask again = decode_task(tasks.front().message.body);
  EXPECT_EQ(again.tiles.size(), first.tiles.size());
  EXPECT_NE(again.correlation_id, first.correlation_id);
  for (const Delivery& task : tasks)
    for (const ResultMessage& result : hall.compute(task.message.body)) hall.send(encode_result(result));
  EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
}

/// A transport that refuses (basic.nack) the first messages for one queue, and counts those it took.
class Refusing : public ForwardingTransport {
 public:
  Refusing(std::unique_ptr<Transport> inner, std::string queue, int refusals)
      : ForwardingTransport(std::move(inner)), queue_(std::move(queue)), left_(refusals) {}
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    if (queue != queue_ || left_-- <= 0) return inner_->publish(exchange, queue, std::move(message));
    std::promise<void> refused;
    refused.set_exception(std::make_exception_ptr(NotTakenError("the queue is full")));
    return refused.get_future();
  }

 private:
  const std::string queue_;
  std::atomic<int> left_;
};

TEST(Dispatch, ABrokerThatRefusesTasksAndAnswersForNowEndsNobody) {
  WholeNight night;
  RunDirectory directory(night.folder() / "out", night.run_id);
  MemoryBroker broker;
  Refusing master(broker.connect(), kComputeQueue, 2);
  Refusing worker(broker.connect(), results_queue(night.run_id, Isolation::kRun), 2);
  worker.declare(compute_queue_spec(false));
  std::atomic<bool> stop{false};
  RunContexts runs = night.contexts();
  auto serving = std::async(std::launch::async, [&] {
    run_worker(worker, *night.store, runs, {"w", 1, 1}, stop);
  });
  TestObserver observer;
  const TileLedger ledger = dispatch_tiles(night.job, {master, *night.store, directory}, observer);
  stop = true;
  EXPECT_NO_THROW(serving.get());
  EXPECT_EQ(ledger.done(), ledger.tile_count());
}

TEST(Dispatch, OneResultsQueueServesAllRounds) {
  WholeNight night;
  std::optional<ResultsQueueEnd> end;
  Hall hall(night);
  hall.results_end = &end;
  const std::string queue = results_queue(night.run_id, Isolation::kRun);
  for (int round = 0; round < 2; ++round) {
    auto run = hall.start();
    for (const Delivery& task : hall.tasks(make_tasks(night.job).size()))
      for (const ResultMessage& result : hall.compute(task.message.body)) hall.send(encode_result(result));
    EXPECT_EQ(run.get(), static_cast<int>(night.grid.tiles.size()));
    ASSERT_TRUE(hall.worker->inspect(queue));
    EXPECT_EQ(hall.worker->inspect(queue)->consumers, 0u);
  }
  end.reset();
  EXPECT_FALSE(hall.worker->inspect(queue));
}

TEST(Dispatch, ASecondMasterLeavesTheQueueOfTheFirstAlone) {
  WholeNight night;
  Hall hall(night);
  const std::string queue = results_queue(night.run_id, Isolation::kRun);
  hall.worker->declare(results_queue_spec(queue, false));
  hall.worker->consume(queue, 1, true);
  auto run = hall.start();
  EXPECT_NE(text_thrown<UsageError>(run), "(not thrown)");
  EXPECT_TRUE(hall.worker->inspect(queue));
}

TEST(Dispatch, NewQuorumQueuesSettleBeforeTheFirstTask) {
  WholeNight night;
  night.job.quorum = true;
  RunDirectory directory(night.folder() / "out", night.run_id);
  MemoryBroker broker;
  const auto master = broker.connect();
  const auto began = std::chrono::steady_clock::now();
  TestObserver observer;
  observer.on_check_stop = [&] {
    if (std::chrono::steady_clock::now() - began < seconds(1)) {
      ASSERT_EQ(master->inspect(kComputeQueue)->messages, 0u);
    } else {
      throw Interrupted{15};
    }
  };
  EXPECT_THROW(dispatch_tiles(night.job, {*master, *night.store, directory}, observer), Interrupted);
}

TEST(Dispatch, ASignalInterruptsAndTheWatchIsHeard) {
  {
    WholeNight night;
    Hall hall(night);
    hall.observer.on_check_stop = [] { throw Interrupted{15}; };
    auto run = hall.start();
    EXPECT_THROW(run.get(), Interrupted);
  }
  WholeNight night;
  Hall hall(night);
  hall.observer.on_watch = [] { throw TransientError("all workers are gone"); };
  auto run = hall.start();
  EXPECT_EQ(text_thrown<TransientError>(run), "all workers are gone");
}

TEST(Worker, ServesARunFromTheQueueAndDeadLettersWhatItCannotRead) {
  WholeNight night;
  RunDirectory directory(night.folder() / "out", night.run_id);
  MemoryBroker broker;
  const auto master = broker.connect(), worker = broker.connect(), reader = broker.connect();
  worker->declare(compute_queue_spec(false));
  worker->declare(dead_letter_queue_spec(false));
  Message bad;
  bad.body = "not a task";
  master->publish(kTaskExchange, kComputeQueue, bad).get();
  std::atomic<bool> stop{false};
  RunContexts runs = night.contexts();
  auto serving = std::async(std::launch::async, [&] {
    run_worker(*worker, *night.store, runs, {"w", 2, 2}, stop);
  });
  int accepted = 0;
  TestObserver observer(
      [&](const ResultMessage& r, const TileFile&) { accepted += r.worker_id == "w" ? 1 : 0; });
  dispatch_tiles(night.job, {*master, *night.store, directory}, observer);
  stop = true;
  serving.get();
  EXPECT_EQ(accepted, static_cast<int>(night.grid.tiles.size()));
  reader->consume(kDeadLetterQueue, 10);
  const auto dead = reader->receive(seconds(0));
  ASSERT_TRUE(dead);
  EXPECT_EQ(dead->message.body, "not a task");
  EXPECT_EQ(dead->message.headers.at("x-tilecompile-worker"), "w");
  EXPECT_NE(dead->message.headers.at("x-tilecompile-reason").find("task"), std::string::npos);
}

}  // namespace
}  // namespace tilecompile
