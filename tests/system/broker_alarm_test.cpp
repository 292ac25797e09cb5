#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "broker/private_broker.hpp"
#include "program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

// Master and workers with a broker that takes no messages (an alarm), or drops them (a policy).

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class Alarm : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    night_ = new TempDir();
    const auto made = run_program("simulate --profile v2 '" + (*night_ / "night").string() +
                                  "' --frames 16 --width 500 --height 330 --stars 150 --drift 30 --seed 5");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    const std::string id = new_uuid();
    const auto run =
        run_program("run '" + (*night_ / "night/run.yaml").string() + "' --quiet --run-id " + id +
                    " --output '" + (*night_ / "out").string() + "' --set tile.min_size=48");
    ASSERT_EQ(run.exit_code, 0) << run.text;
    reference_ = product_digests(*night_ / "out" / id);
    ASSERT_GE(reference_.size(), 2u);
  }
  static void TearDownTestSuite() { delete night_; }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_ = std::make_unique<PrivateBroker>();
  }

  std::vector<std::string> master(int workers) const {
    return {"master",    (*night_ / "night/run.yaml").string(),
            "--run-id",  id_,
            "--output",  (*night_ / "out").string(),
            "--set",     "tile.min_size=48",
            "--set",     "retry.base_s=0.1",
            "--set",     "broker.port=" + std::to_string(broker_->port()),
            "--workers", std::to_string(workers)};
  }
  std::vector<std::string> worker() const {
    return {"worker",
            "--input.dir",
            (*night_ / "night/frames").string(),
            "--storage.root",
            (*night_ / "out").string(),
            "--broker.port",
            std::to_string(broker_->port())};
  }
  std::string log(const std::string& name) const { return (folder_ / name).string(); }
  std::string broker_flag() const { return " --set broker.port=" + std::to_string(broker_->port()); }
  void raise_alarm() { broker_->ctl("set_disk_free_limit 100000GB"); }
  void end_alarm() { broker_->ctl("set_disk_free_limit 64MB"); }
  void expect_right_digests() const { EXPECT_EQ(product_digests(*night_ / "out" / id_), reference_); }

  /// Sends SIGTERM and expects the end in order within ten seconds.
  static void expect_stops(StartedProgram& program) {
    const auto began = std::chrono::steady_clock::now();
    program.send(SIGTERM);
    while (program.running() && std::chrono::steady_clock::now() - began < 30s)
      std::this_thread::sleep_for(20ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
    ASSERT_FALSE(program.running()) << program.text();
    EXPECT_EQ(program.wait(), 143) << program.text();
    EXPECT_THAT(program.text(), Not(HasSubstr("not ended in order")));
  }
  static bool ends(StartedProgram& program) {
    return !program.run_until([] { return false; }) && !program.running();
  }

  static inline TempDir* night_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
  TempDir folder_;
  std::unique_ptr<PrivateBroker> broker_;
  const std::string id_ = new_uuid();
};

TEST_F(Alarm, AtTheStartItIsSaidAndTheRunGoesOnAfterIt) {
  raise_alarm();
  StartedProgram run(master(1), log("master"));
  ASSERT_TRUE(run.wait_for("takes no messages (low on disk)")) << run.text();
  const auto status_says = [&](const std::string& words) {
    return run_program("status " + id_ + " --output '" + (*night_ / "out").string() + "'").text.find(words) !=
           std::string::npos;
  };
  EXPECT_TRUE(run.run_until([&] { return status_says("waits      the broker takes no messages"); }));
  end_alarm();
  ASSERT_TRUE(ends(run)) << run.text();
  EXPECT_EQ(run.wait(), 0) << run.text();
  EXPECT_THAT(run.text(), HasSubstr("takes messages again"));
  EXPECT_THAT(run.text(), Not(HasSubstr("lost the connection")));
  EXPECT_THAT(run.text(), Not(HasSubstr("tasks were lost")));
  expect_right_digests();
}

TEST_F(Alarm, SigtermEndsMasterAndItsWorkersUnderIt) {
  raise_alarm();
  StartedProgram run(master(2), log("master"));
  ASSERT_TRUE(run.wait_for("takes no messages")) << run.text();
  ASSERT_TRUE(run.wait_for("the run stands still"))
      << run.text();  // from here on there is a run to go on with
  expect_stops(run);
  EXPECT_EQ(run_record(*night_ / "out" / id_).at("status"), "interrupted");
  end_alarm();
  auto again = master(2);
  again[2] = "--resume";
  StartedProgram resumed(again, log("resumed"));
  ASSERT_TRUE(ends(resumed)) << resumed.text();
  EXPECT_EQ(resumed.wait(), 0) << resumed.text();
  expect_right_digests();
}

TEST_F(Alarm, AWorkerWithResultsThatNobodyTakesStopsAndLosesNothing) {
  StartedProgram run(master(0), log("master"));
  ASSERT_TRUE(run.wait_for("frames analysed")) << run.text();
  ASSERT_TRUE(run.run_until([&] {
    return broker_->queues("messages_ready").find("tile.compute\t0") == std::string::npos &&
           file_text(*night_ / "out" / id_ / "events.jsonl").find("tasks_published") != std::string::npos;
  }));
  raise_alarm();
  StartedProgram stopped(worker(), log("stopped"));
  ASSERT_TRUE(stopped.wait_for("takes no messages")) << stopped.text();
  std::this_thread::sleep_for(500ms);  // more tiles are computed
  expect_stops(stopped);
  EXPECT_THAT(stopped.text(), HasSubstr("a task is left to the broker"));
  end_alarm();
  StartedProgram next(worker(), log("next"));
  ASSERT_TRUE(ends(run)) << run.text() << next.text();
  EXPECT_EQ(run.wait(), 0) << run.text();
  expect_right_digests();
}

TEST_F(Alarm, CommandsSayItAndEnd) {
  const std::string file = "'" + (*night_ / "night/run.yaml").string() + "'";
  raise_alarm();
  const auto setup = run_shell("timeout 20 '" + program_path() + "' setup " + file + broker_flag());
  EXPECT_EQ(setup.exit_code, 0) << setup.text;
  EXPECT_THAT(setup.text, HasSubstr("takes no messages (low on disk)"));
  const auto verify = run_shell("timeout 20 '" + program_path() + "' verify " + file + " --output '" +
                                (*night_ / "out").string() + "'" + broker_flag());
  EXPECT_EQ(verify.exit_code, 3) << verify.text;
  EXPECT_THAT(verify.text, HasSubstr("FAIL  publishing"));
  const auto letters = run_shell("timeout 20 '" + program_path() + "' dlq list" + broker_flag());
  EXPECT_EQ(letters.exit_code, 0) << letters.text;
  EXPECT_THAT(letters.text, HasSubstr("takes no messages"));
}

// What the policy leaves no room for is refused, not dropped: the queue itself asks for that.
TEST_F(Alarm, APolicyThatShortensTheQueueIsNamed) {
  broker_->ctl("set_operator_policy short '^tile' '{\"max-length\":5}' --apply-to queues");
  auto arguments = master(0);
  arguments.insert(arguments.end(), {"--set", "parallel.batch=1"});
  StartedProgram run(arguments, log("master"));
  ASSERT_TRUE(run.wait_for("because a policy limits its length")) << run.text();
  EXPECT_THAT(run.text(), Not(HasSubstr("tasks were lost")));
  broker_->ctl("clear_operator_policy short");
  expect_stops(run);
}

TEST_F(Alarm, APolicyThatLetsTasksExpireIsNamed) {
  broker_->ctl("set_policy quick '^tile.compute$' '{\"message-ttl\":100}' --apply-to queues");
  StartedProgram run(master(0), log("master"));
  ASSERT_TRUE(run.wait_for("message-ttl")) << run.text();
  broker_->ctl("clear_policy quick");
  // A master that sees a worker is patient; without one the tasks are there again soon.
  ASSERT_TRUE(run.run_until([&] {
    const std::string queues = broker_->queues("messages_ready");
    return queues.find("tile.compute\t") != std::string::npos &&
           queues.find("tile.compute\t0") == std::string::npos;
  })) << run.text();
  StartedProgram helper(worker(), log("worker"));
  ASSERT_TRUE(ends(run)) << run.text();
  EXPECT_EQ(run.wait(), 0) << run.text();
  expect_right_digests();
}

}  // namespace
}  // namespace tilecompile
