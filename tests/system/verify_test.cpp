#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/run/probe.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// A night, a broker, and workers that are right or wrong in one way each.
class Verify : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = new PrivateBroker();
    folder_ = new TempDir();
    for (const auto& [name, seed] : {std::pair("night", "9"), std::pair("other", "10")}) {
      const auto made =
          run_program("simulate " + (*folder_ / name).string() +
                      " --frames 32 --width 300 --height 200 --stars 80 --drift 5 --seed " + seed);
      ASSERT_EQ(made.exit_code, 0) << made.text;
    }
    for (const char* name : {"storage", "elsewhere"}) std::filesystem::create_directories(*folder_ / name);
    const auto set_up = run_program("setup " + yaml() + flags());
    ASSERT_EQ(set_up.exit_code, 0) << set_up.text;
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete broker_;
  }
  void SetUp() override {
    if (broker_ != nullptr) return;
    if (std::getenv("CI") != nullptr) FAIL() << "RabbitMQ is not installed";
    GTEST_SKIP() << "RabbitMQ is not installed";
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
    EXPECT_THAT(broker_->ctl("list_queues -q name messages"), Not(HasSubstr("tile.results.")));
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
        "ok    consumers ", "ok    host of barn-1 ", "ok    worker barn-1: frames ",
        "ok    worker barn-2: same storage ", "ok    duplicates ", "ok    end to end "})
    EXPECT_THAT(ended.text, HasSubstr(line));
  expect_nothing_left();

  const auto json = run_program("verify " + yaml() + flags() + expected + " --json --log-level error");
  EXPECT_EQ(json.exit_code, 0) << json.text;
  const auto report = nlohmann::json::parse(json.text);
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
