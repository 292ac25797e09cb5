// What becomes of tiles that fail: tried again, kept as dead letters, left as holes.
#include <future>
#include <new>
#include <thread>

#include "faulty_store.hpp"
#include "mill.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;

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
  EXPECT_GE(std::stoi(letters[0].headers.at(kAttemptHeader)), 3);
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

TEST(Retry, WrongInputIsTriedOnceMore) {
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
  EXPECT_GE(puts, 2);
  EXPECT_LE(puts, 3) << "it comes to a worker that has not yet proved itself, too";
  const auto letters = mill.dead_letters();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].headers.at(kAttemptHeader), std::to_string(puts));
  EXPECT_EQ(letters[0].headers.at(kKindHeader), "input");
}

TEST(Retry, WorkersThatCannotWorkCostAHealthyOneNothing) {
  for (const bool transient : {true, false}) {
    WholeNight night;
    std::atomic<int> puts{0};
    FaultyStore bad(*night.store, [&](const std::string&) {
      ++puts;
      if (transient) throw TransientError("nothing is mounted");
      throw InputError("this host has other frames");
    });
    Mill mill(night);  // its workers end before their stores
    night.job.retry = {3, 1, 1, 1, 3};
    mill.add_worker(bad, "bad", 2);
    auto run = mill.start();
    // The healthy one comes only when the other has given up.
    const auto reader = mill.connect();
    while (puts == 0 || reader->inspect(kComputeQueue)->consumers > 0)
      std::this_thread::sleep_for(milliseconds(5));
    mill.add_worker(*night.store, "good");
    const TileLedger ledger = run.get();
    EXPECT_EQ(ledger.done(), mill.tiles());
    EXPECT_TRUE(mill.dead_letters().empty());
    for (const auto& [id, result] : mill.accepted) EXPECT_EQ(result.worker_id, "good") << id;
    EXPECT_LE(mill.book.workers().at("bad").failures, 8);
    EXPECT_GT(mill.book.workers().at("bad").handed_back, 0);
    EXPECT_EQ(mill.book.workers().at("good").tiles, mill.tiles());
  }
}

TEST(Retry, ARunOfOneWorkerThatCannotWorkEndsWithItsReason) {
  WholeNight night;
  std::atomic<int> puts{0};
  FaultyStore bad(*night.store, [&](const std::string&) {
    ++puts;
    throw TransientError("writing /data: No space left on device");
  });
  Mill mill(night);
  night.job.stall_after_s = 1;
  mill.add_worker(bad, "bad");
  auto run = mill.start();
  try {
    run.get();
    FAIL() << "no error";
  } catch (const TransientError& e) {
    for (const char* word : {"No space left on device", "bad", "resume"})
      EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
  }
  EXPECT_LE(puts, 8) << "it looks with growing pauses";
  EXPECT_NE(mill.events().find("\"state\":\"disk full\""), std::string::npos) << mill.events();
}

TEST(Retry, AWorkerTakesTasksAgainWhenItCanWork) {
  WholeNight night;
  std::atomic<bool> full{true};
  std::atomic<int> puts{0};
  FaultyStore store(*night.store, [&](const std::string&) {
    ++puts;
    if (full) throw TransientError("No space left on device");
  });
  Mill mill(night);
  mill.add_worker(store, "w");
  auto run = mill.start();
  const auto reader = mill.connect();
  while (puts == 0 || reader->inspect(kComputeQueue)->consumers > 0)
    std::this_thread::sleep_for(milliseconds(5));
  full = false;
  EXPECT_EQ(run.get().done(), mill.tiles());
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

}  // namespace
}  // namespace tilecompile
