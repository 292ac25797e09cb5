// What a broker and a host can do to a run while it goes on: the pictures stay the same to the bit.
#include <gtest/gtest.h>

#include <algorithm>

#include "broker/private_broker.hpp"
#include "held_thread.hpp"
#include "system/program.hpp"
#include "system/started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class BrokerFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = new PrivateBroker();
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + (*folder_ / "night").string() +
                                  " --frames 24 --width 700 --height 500 --stars 200 --drift 30 --seed 17");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    std::string flags;
    for (const std::string& word : words(new_uuid())) flags += "'" + word + "' ";
    const auto ended = run_program("run " + flags);
    ASSERT_EQ(ended.exit_code, 0) << ended.text;
    reference_ = product_digests(*folder_ / "out/latest");
    ASSERT_GE(reference_.size(), 4u);
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete broker_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();  // the workers of the case before
  }
  static std::vector<std::string> words(const std::string& id) {
    std::vector<std::string> all = {(*folder_ / "night/run.yaml").string(), "--run-id", id, "--output",
                                    (*folder_ / "out").string()};
    for (const char* set : {"tile.min_size=40", "parallel.batch=2", "synthetic.enabled=true",
                            "synthetic.frames_min=2", "broker.heartbeat_s=1"})
      all.insert(all.end(), {"--set", set});
    return all;
  }
  std::unique_ptr<StartedProgram> start_master(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = words(id_);
    arguments.insert(arguments.begin(), "master");
    arguments.insert(arguments.end(), {"--set", "broker.port=" + std::to_string(broker_->port())});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<StartedProgram>(arguments, log());
  }
  fs::path log() const { return *folder_ / (id_ + ".log"); }
  fs::path directory() const { return *folder_ / "out" / id_; }
  std::size_t journal_lines() const {
    const std::string text = file_text(directory() / "journal.jsonl");
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  /// A run with two workers that is disturbed after `lines` results and must come to the same pictures.
  void expect_same_pictures(const std::function<void()>& disturb, std::size_t lines = 30,
                            const std::vector<std::string>& more = {}) {
    std::vector<std::string> flags = {"--workers", "2"};
    flags.insert(flags.end(), more.begin(), more.end());
    const auto master = start_master(flags);
    ASSERT_TRUE(master->run_until([&] { return journal_lines() >= lines; })) << master->text();
    disturb();
    ASSERT_EQ(master->wait(), 0) << master->text();
    EXPECT_EQ(product_digests(directory()), reference_);
  }
  std::unique_ptr<Transport> connect() const {
    AmqpOptions options;
    options.port = broker_->port();
    options.password = "guest";
    return connect_amqp(options);
  }

  const std::string id_ = new_uuid();
  static inline PrivateBroker* broker_ = nullptr;
  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
};

TEST_F(BrokerFaults, Restart) {
  expect_same_pictures([] { broker_->restart(); });
}

// One task holds all tiles of a round, so that every restart takes it from a worker in the middle.
TEST_F(BrokerFaults, TenRestartsCountAgainstNoTile) {
  expect_same_pictures(
      [] {
        for (int i = 0; i < 10; ++i) broker_->restart();
      },
      2, {"--set", "parallel.batch=1000", "--set", "retry.max_worker_deaths=1"});
  EXPECT_EQ(file_text(log()).find("died over a tile"), std::string::npos);
  EXPECT_EQ(file_text(directory() / "events.jsonl").find("worker_died_over_tile"), std::string::npos);
}

TEST_F(BrokerFaults, KillInTheFirstAndInTheSecondRound) {
  expect_same_pictures([this] {
    broker_->kill9();
    broker_->start();
    for (int i = 0; i < 3000 && !fs::exists(directory() / "clusters.json"); ++i)
      std::this_thread::sleep_for(10ms);
    broker_->kill9();
    broker_->start();
  });
}

TEST_F(BrokerFaults, FrozenForManyHeartbeats) {
  expect_same_pictures([] {
    broker_->pause();
    std::this_thread::sleep_for(5s);  // the silence itself is the fault
    broker_->resume();
  });
}

TEST_F(BrokerFaults, MemoryAlarm) {
  expect_same_pictures([] {
    broker_->ctl("set_vm_memory_high_watermark 0.000001");
    std::this_thread::sleep_for(3s);
    broker_->ctl("set_vm_memory_high_watermark absolute 2GB");
  });
}

TEST_F(BrokerFaults, AllConnectionsClosed) {
  expect_same_pictures([] { broker_->ctl("close_all_connections fault"); });
}

TEST_F(BrokerFaults, TaskQueueDeleted) {
  expect_same_pictures([this] { connect()->remove_queue("tile.compute"); }, 10);
  EXPECT_NE(file_text(log()).find("tasks were lost"), std::string::npos);
}

TEST_F(BrokerFaults, ResultsQueueDeleted) {
  expect_same_pictures([this] { connect()->remove_queue("tile.results." + id_); }, 10);
}

TEST_F(BrokerFaults, TasksThatTakeLongerThanThreeHeartbeats) {
  const auto master = start_master({"--workers", "1", "--set", "parallel.batch=1000"});
  ASSERT_TRUE(master->run_until([&] { return journal_lines() >= 1; })) << master->text();
  const pid_t worker = std::stoi(run_shell("pgrep -P " + std::to_string(master->pid())).text);
  {
    const HeldThread computing(worker);
    ASSERT_TRUE(computing.held()) << "cannot hold up a thread: ptrace is not allowed";
    std::this_thread::sleep_for(5s);
  }
  ASSERT_EQ(master->wait(), 0) << master->text();
  EXPECT_EQ(product_digests(directory()), reference_);
  EXPECT_EQ(file_text(log()).find("lost the connection"), std::string::npos) << file_text(log());
}

TEST_F(BrokerFaults, FloodOfRedeliveries) {
  expect_same_pictures([this] {
    for (int i = 0; i < 30; ++i) {
      const auto thief = connect();
      thief->consume("tile.compute", 1000);
      for (int taken = 0; taken < 50 && thief->receive(20ms); ++taken) {
      }
    }
  });
  EXPECT_EQ(file_text(log()).find("died over a tile"), std::string::npos);
}

TEST_F(BrokerFaults, ForeignTasksAndResultsWithoutAReader) {
  expect_same_pictures([this] {
    const auto party = connect();
    std::string task =
        R"({"schema":1,"task_type":"tile_compute","correlation_id":"5b0c5a0e-6a9c-4b6e-9c56-1f1f0f3f6a11",)"
        R"("run_id":"1d6f2c8e-0c61-4b3c-8f7d-2f0a7a0b9b55","config_hash":")" +
        std::string(64, 'a') + R"(","frames_manifest_id":")" + std::string(64, 'b') +
        R"(","input_stage":"registered","tile_id":0,"tile_bbox":[0,0,64,64],"frame_index_range":[0,3],)"
        R"("metrics_config":{"frame_metrics_ref":"x/y.json","frame_metrics_checksum":")" +
        std::string(64, 'c') + R"("},"seed":1})";
    for (int i = 0; i < 20; ++i) {
      Message message;
      message.body = task;
      if (i % 2 == 0) message.reply_to = "nobody.reads.this";
      party->publish("", "tile.compute", message).get();
    }
    party->close();
  });
}

TEST_F(BrokerFaults, MasterKilledAndResumed) {
  {
    const auto master = start_master({"--workers", "2"});
    ASSERT_TRUE(master->run_until([&] { return journal_lines() >= 40; })) << master->text();
    master->send(SIGKILL);
    master->wait();
  }
  std::vector<std::string> arguments = words(id_);
  arguments.insert(arguments.begin(), "master");
  std::replace(arguments.begin(), arguments.end(), std::string("--run-id"), std::string("--resume"));
  arguments.insert(arguments.end(),
                   {"--workers", "2", "--set", "broker.port=" + std::to_string(broker_->port())});
  StartedProgram again(arguments, log());
  ASSERT_EQ(again.wait(), 0) << again.text();
  EXPECT_EQ(product_digests(directory()), reference_);
  EXPECT_GE(run_record(directory()).at("tiles").at("resumed"), 40);
}

}  // namespace
}  // namespace tilecompile
