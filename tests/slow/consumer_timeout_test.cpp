// A broker with a short consumer_timeout takes its channel from a worker that computes for too long.
#include <gtest/gtest.h>

#include "broker/private_broker.hpp"
#include "held_thread.hpp"
#include "system/program.hpp"
#include "system/started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

TEST(ConsumerTimeout, TakesTheTaskFromASlowWorkerAndTheRunStillEndsRight) {
  TILECOMPILE_NEEDS_RABBITMQ
  PrivateBroker broker("consumer_timeout = 3000\n");
  const TempDir folder;
  const std::string port = std::to_string(broker.port());
  ASSERT_EQ(run_program("simulate --profile v2 '" + (folder / "night").string() +
                        "' --frames 30 --width 600 --height 400 --stars 150 --drift 20 --seed 31")
                .exit_code,
            0);
  const auto words = [&](const std::string& mode, const std::string& id) {
    return std::vector<std::string>{mode,       (folder / "night/run.yaml").string(),
                                    "--run-id", id,
                                    "--output", (folder / "out").string(),
                                    "--set",    "tile.min_size=48",
                                    "--set",    "parallel.batch=1000",
                                    "--set",    "broker.port=" + port};
  };
  const auto worker = [&](const std::string& name) {
    return std::make_unique<StartedProgram>(
        std::vector<std::string>{"worker", "--worker_id", name, "--broker.port", port, "--input.dir",
                                 (folder / "night/frames").string(), "--storage.root",
                                 (folder / "out").string(), "--parallel.threads", "1", "--log-level",
                                 "debug"},
        folder / (name + ".log"));
  };
  const std::string alone = new_uuid(), id = new_uuid();
  StartedProgram reference(words("run", alone), folder / "reference.log");
  ASSERT_EQ(reference.wait(), 0) << reference.text();

  StartedProgram master(words("master", id), folder / "master.log");
  const auto slow = worker("slow");
  ASSERT_TRUE(slow->wait_for("tile done")) << slow->text();
  {
    const HeldThread held(slow->pid());
    ASSERT_TRUE(held.held()) << "cannot hold up a thread: ptrace is not allowed";
    // RabbitMQ looks once a minute.
    ASSERT_TRUE(slow->wait_for("delivery acknowledgement on channel")) << slow->text();
    const auto quick = worker("quick");
    ASSERT_EQ(master.wait(), 0) << master.text() << quick->text();
    EXPECT_NE(quick->text().find("tile done"), std::string::npos);
    quick->send(SIGTERM);
    EXPECT_EQ(quick->wait(), 143) << quick->text();
  }
  EXPECT_EQ(product_digests(folder / "out" / id), product_digests(folder / "out" / alone));
  slow->send(SIGTERM);
  EXPECT_EQ(slow->wait(), 143) << slow->text();
  EXPECT_EQ(slow->text().find(" error "), std::string::npos) << slow->text();
}

}  // namespace
}  // namespace tilecompile
