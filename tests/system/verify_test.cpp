#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/worker/probe.hpp"
#include "worker/worker_night.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// A night, a broker, and workers that are right or wrong in one way each.
class Verify : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = &shared_broker();
    folder_ = new TempDir();
    for (const auto& [name, seed] : {std::pair("night", "9"), std::pair("other", "10")}) {
      const auto made =
          run_program("simulate --profile v2 " + (*folder_ / name).string() +
                      " --frames 32 --width 300 --height 200 --stars 80 --drift 5 --seed " + seed);
      ASSERT_EQ(made.exit_code, 0) << made.text;
    }
    for (const char* name : {"storage", "elsewhere"}) std::filesystem::create_directories(*folder_ / name);
    const auto set_up = run_program("setup " + yaml() + flags());
    ASSERT_EQ(set_up.exit_code, 0) << set_up.text;
  }
  static void TearDownTestSuite() { delete folder_; }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();                  // the workers of the case before
    broker_->ctl("purge_queue -q tile.workers");  // and what they said of themselves
  }

  static std::string yaml() { return (*folder_ / "night" / "run.yaml").string(); }
  static std::string flags() {
    return " --set broker.port=" + std::to_string(broker_->port()) + " --set storage.root='" +
           (*folder_ / "storage").string() + "' --set output.dir='" + (*folder_ / "out").string() + "'";
  }
  static std::string worker_flags(const std::string& night = "night",
                                  const std::string& storage = "storage") {
    return "--input.dir '" + (*folder_ / night / "frames").string() + "' --storage.root '" +
           (*folder_ / storage).string() + "' --broker.port " + std::to_string(broker_->port());
  }
  static ProgramOutput verify(const std::string& more) {
    return run_program("verify " + yaml() + flags() + more);
  }
  static void expect_nothing_left() {
    EXPECT_TRUE(std::filesystem::is_empty(*folder_ / "storage"));
    EXPECT_THAT(broker_->queues("messages"), Not(HasSubstr("tile.results.")));
  }

  static inline PrivateBroker* broker_ = nullptr;
  static inline TempDir* folder_ = nullptr;
};

TEST_F(Verify, EveryCheckHoldsWithGoodWorkers) {
  HandWorker one(folder_->path(), "barn-1", worker_flags()), two(folder_->path(), "barn-2", worker_flags());
  const std::string address = "127.0.0.1:" + std::to_string(broker_->port());
  const std::string expected = " --set 'workers=[{id: barn-1, address: \"" + address +
                               "\", capacity: 1}, {id: barn-2, address: \"127.0.0.1:1\"}]'";
  const auto ended = verify(expected);
  EXPECT_EQ(ended.exit_code, 0) << ended.text;
  std::printf("%s", ended.text.c_str());
  EXPECT_THAT(ended.text, Not(HasSubstr("FAIL")));
  for (const char* line :
       {"ok    frames ", "ok    storage ", "ok    broker ", "ok    queue tile.compute ",
        "ok    queue tile.results ", "ok    queue tile.dlq ", "ok    queue tile.diagnostics ",
        "ok    back-off ladder ", "ok    consumers ", "ok    worker barn-1 ", "ok    worker barn-2 ",
        "ok    host of barn-1 ", "ok    worker barn-1: frames ", "ok    worker barn-2: same storage ",
        "ok    duplicates ", "ok    end to end "})
    EXPECT_THAT(ended.text, HasSubstr(line));
  EXPECT_THAT(ended.text, Not(HasSubstr("queue tile.retry.")));
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  EXPECT_THAT(ended.text,
              ContainsRegex("worker barn-1 +takes tasks and answers; host " + std::string(host) +
                            ", [0-9]+ slots, version [0-9.]+, numerics " + kNumericsVersion + ", "));
  expect_nothing_left();

  const auto as_json = run_program("verify " + yaml() + flags() + expected + " --json --log-level error");
  EXPECT_EQ(as_json.exit_code, 0) << as_json.text;
  const auto report = nlohmann::json::parse(as_json.text);
  EXPECT_TRUE(report.at("ok"));
  ASSERT_EQ(report.at("workers").size(), 2u);
  EXPECT_EQ(report.at("workers")[0].at("worker_id"), "barn-1");
  EXPECT_GE(report.at("workers")[0].at("slots"), 1);
}

TEST_F(Verify, WhatIsWrongWithAWorkerIsNamed) {
  HandWorker good(folder_->path(), "good", worker_flags());
  HandWorker frames(folder_->path(), "frames", worker_flags("other"));
  HandWorker storage(folder_->path(), "storage", worker_flags("night", "elsewhere"));
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  const auto store = open_file_store(*folder_ / "storage");
  WorkerFacts old = worker_facts("old", 1);
  old.numerics_version = "0";
  const auto party = answer_probes(connect_amqp(options), old, *folder_ / "night" / "frames", *store);
  party->consume("tile.compute", 1);
  std::atomic<bool> stop{false};
  std::thread loop([&] {
    while (!stop)
      if (const auto task = party->receive(50ms)) party->reject(task->tag, true);  // others compute it
  });
  const auto ended = verify(" --set 'workers=[{id: good, capacity: 4096}, {id: barn-7}]'");
  stop = true;
  loop.join();
  party->close();
  EXPECT_EQ(ended.exit_code, 3) << ended.text;
  std::printf("%s", ended.text.c_str());
  EXPECT_THAT(ended.text, HasSubstr("ok    worker good: frames"));
  EXPECT_THAT(ended.text, ContainsRegex("FAIL  worker frames: frames .*input.dir of this worker"));
  EXPECT_THAT(ended.text, HasSubstr("FAIL  worker storage: storage"));
  EXPECT_THAT(ended.text, ContainsRegex("FAIL  worker old: numerics .*numerics version 0, the master with "));
  EXPECT_THAT(ended.text, ContainsRegex("FAIL  worker good .*4096 are expected"));
  EXPECT_THAT(ended.text, ContainsRegex("FAIL  worker barn-7 .*does not answer"));
}

TEST_F(Verify, AMissingRungOfTheLadderIsNamed) {
  broker_->ctl("delete_queue tile.retry.2");
  const auto ended = verify("");
  EXPECT_EQ(ended.exit_code, 3) << ended.text;
  EXPECT_THAT(ended.text,
              ContainsRegex("FAIL  back-off ladder +missing: tile.retry.2[^,].*tilecompile setup"));
  ASSERT_EQ(run_program("setup " + yaml() + flags()).exit_code, 0);
  EXPECT_THAT(verify("").text, HasSubstr("ok    back-off ladder "));
}

// The message is one that a master of another version would send: only the version in its configuration
// differs.
TEST_F(Verify, AWorkerRefusesTheTasksOfAMasterWithOtherNumerics) {
  WorkerNight night;
  std::string config = canonical_method_json(night.method);
  const std::string ours = std::string("\"numerics_version\":\"") + kNumericsVersion + '"';
  ASSERT_NE(config.find(ours), std::string::npos);
  config.replace(config.find(ours), ours.size(), "\"numerics_version\":\"0\"");
  night.store->put(config_key(night.run_id), config);
  night.task_template.config_hash = sha256_hex(config);
  const TileTask task = night.tasks().front();
  HandWorker worker(folder_->path(), "newer",
                    "--input.dir '" + night.frames_dir().string() + "' --storage.root '" +
                        (night.folder() / "store").string() + "' --broker.port " +
                        std::to_string(broker_->port()));
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  const auto master = connect_amqp(options);
  const QueueSpec answers =
      results_queue_spec(results_queue(night.run_id, tilecompile::Isolation::kRun), false);
  master->declare(answers);
  master->consume(answers.name, 10);
  master->publish(kTaskExchange, kComputeQueue, task_message(task, {}, answers.name)).get();
  const auto delivery = master->receive(30s);
  ASSERT_TRUE(delivery) << worker.text();
  const ResultMessage result = decode_result(delivery->message.body);
  ASSERT_TRUE(result.failure);
  std::printf("  %s\n", result.failure->text.c_str());
  EXPECT_EQ(result.failure->kind, ErrorKind::kInput);
  EXPECT_THAT(result.failure->text, HasSubstr("numerics version '0'"));
  EXPECT_THAT(result.failure->text, HasSubstr(std::string("numerics version '") + kNumericsVersion + "'"));
  EXPECT_FALSE(fs::exists(night.folder() / "store" / night.run_id / "tiles"));
  master->ack(delivery->tag);
  master->remove_queue(answers.name);
  broker_->ctl("purge_queue tile.dlq");
}

TEST_F(Verify, WithoutWorkersOrBrokerItSaysWhatToDo) {
  const auto alone = verify(" --set 'workers=[{id: barn-7, address: 127.0.0.1:1}]'");
  EXPECT_EQ(alone.exit_code, 3) << alone.text;
  EXPECT_THAT(alone.text, ContainsRegex("FAIL  consumers .*tilecompile worker"));
  EXPECT_THAT(alone.text, HasSubstr("ok    host of barn-7"));
  EXPECT_THAT(alone.text, HasSubstr("FAIL  worker barn-7"));
  expect_nothing_left();
  const auto down =
      verify(" --set broker.port=9 --set broker.connect_timeout_s=0.5 --set input.dir=/nowhere");
  EXPECT_EQ(down.exit_code, 3) << down.text;
  EXPECT_THAT(down.text, HasSubstr("FAIL  frames "));
  EXPECT_THAT(down.text, HasSubstr("ok    storage "));
  EXPECT_THAT(down.text, ContainsRegex("FAIL  broker .*127.0.0.1:9"));
}

}  // namespace
}  // namespace tilecompile
