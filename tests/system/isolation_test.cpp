#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <future>
#include <thread>

#include "broker/patience.hpp"
#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// A night and a broker on which several runs meet.
class Isolation : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = new PrivateBroker();
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + night() +
                                  " --frames 16 --width 400 --height 300 --stars 100 --drift 10 --seed 8");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    std::filesystem::create_directories(output());
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete broker_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();  // the workers of the case before
  }

  static std::string night() { return (*folder_ / "night").string(); }
  static std::string output() { return (*folder_ / "out").string(); }
  static std::string port_flag() { return " --set broker.port=" + std::to_string(broker_->port()); }
  static std::string worker_flags(const std::string& more = "") {
    return "--input.dir '" + night() + "/frames' --storage.root '" + output() + "' --broker.port " +
           std::to_string(broker_->port()) + " " + more;
  }
  static ProgramOutput start(const std::string& mode, const std::string& id, const std::string& flags) {
    return run_program(mode + " " + night() + "/run.yaml --run-id " + id + " --output '" + output() + "' " +
                       flags + (mode == "run" ? " --quiet" : port_flag()));
  }
  static std::map<std::string, std::string> reference(const std::string& flags) {
    const std::string id = new_uuid();
    const auto ended = start("run", id, flags);
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    return product_digests(output() + "/" + id);
  }
  /// All queues with their messages, when `line` is among them or as it is after a minute: a worker
  /// acknowledges a task after its last result, so after the master may have ended.
  static std::string queues_with(const std::string& line) {
    return broker_->queues_until("messages", "/",
                                 [&](const std::string& all) { return all.find(line) != std::string::npos; });
  }
  static std::string queues(const std::string& vhost) { return broker_->queues("messages", vhost); }
  static std::unique_ptr<Transport> party() {
    AmqpOptions options;
    options.port = broker_->port();
    options.password = "guest";
    return connect_amqp(options);
  }
  static std::string key_file(const std::string& name, const std::string& text) {
    const std::string file = (*folder_ / name).string();
    std::ofstream(file) << text;
    return file;
  }

  static inline PrivateBroker* broker_ = nullptr;
  static inline TempDir* folder_ = nullptr;
};

TEST_F(Isolation, TwoRunsAtOnceOverTheSameWorkersAreBothRightAndLeaveNothing) {
  const std::array<std::string, 2> flags = {"--set tile.min_size=48 --set parallel.batch=2",
                                            "--set tile.min_size=64 --set parallel.batch=1"};
  const std::array<std::string, 2> ids = {new_uuid(), new_uuid()};
  HandWorker one(folder_->path(), "one", worker_flags()), two(folder_->path(), "two", worker_flags());
  std::array<ProgramOutput, 2> ended;
  std::thread first([&] { ended[0] = start("master", ids[0], flags[0]); });
  ended[1] = start("master", ids[1], flags[1]);
  first.join();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(ended[i].exit_code, 0) << ended[i].text;
    EXPECT_EQ(product_digests(output() + "/" + ids[i]), reference(flags[i])) << i;
  }
  for (const HandWorker* worker : {&one, &two})
    for (const std::string& id : ids) EXPECT_THAT(worker->text(), HasSubstr("run_id=" + id));
  const std::string left = queues_with("tile.compute\t0");
  EXPECT_THAT(left, Not(HasSubstr("tile.results.")));
  EXPECT_THAT(left, HasSubstr("tile.compute\t0"));
}

TEST_F(Isolation, ASecondMasterIsRefusedWhereOneAtATimeWasAskedFor) {
  broker_->ctl("add_vhost night");
  broker_->ctl("set_permissions -p night guest '.*' '.*' '.*'");
  for (const std::string mode : {"shared", "vhost"}) {
    const std::string flags = "--set tile.min_size=48 --set parallel.isolation=" + mode +
                              " --set broker.vhost=" + (mode == "vhost" ? "night" : "/");
    // No worker yet: the first master waits for results.
    const std::string id = new_uuid();
    ProgramOutput first;
    std::thread thread([&] { first = start("master", id, flags); });
    EXPECT_TRUE(comes_true([&] { return std::filesystem::exists(output() + "/" + id + "/manifest.json"); }));
    const auto second = start("master", new_uuid(), flags);
    EXPECT_EQ(second.exit_code, 2) << second.text;
    EXPECT_THAT(second.text, HasSubstr("another master works on virtual host"));
    HandWorker worker(folder_->path(), mode,
                      worker_flags(mode == "vhost" ? "--broker.vhost night" : "--broker.vhost /"));
    thread.join();
    EXPECT_EQ(first.exit_code, 0) << first.text;
    EXPECT_EQ(product_digests(output() + "/" + id), reference("--set tile.min_size=48"));
    EXPECT_THAT(queues(mode == "vhost" ? "night" : "/"), Not(HasSubstr("tile.master")));
  }
}

TEST_F(Isolation, ASignedRunTakesNoForgedTaskAndNoForgedResult) {
  const std::string keys = key_file("keys", "the key of this observatory\n");
  const std::string id = new_uuid(), worker_keys = worker_flags("--broker.message_key_file " + keys);
  const auto forger = party();
  Message forged;
  forged.body = R"({"schema": 1, "task_type": "tile_compute"})";
  forged.message_id = "forged-task";
  std::string refusals;
  {
    HandWorker worker(folder_->path(), "signed", worker_keys);
    forger->publish("", "tile.compute", forged).get();
    EXPECT_TRUE(worker.wait_for("it is not signed"));
    worker.end(SIGTERM);
    EXPECT_TRUE(worker.wait_for("exit 143"));
    refusals = worker.text();
  }
  // Without a worker the run is not over before the forged result has come.
  auto master = std::async(std::launch::async, [&] {
    return start("master", id,
                 "--set tile.min_size=48 --set parallel.batch=1 --set broker.message_key_file=" + keys);
  });
  forged.body = R"({"schema": 1, "tile_id": 0})";
  forged.message_id = "forged-result";
  EXPECT_TRUE(publish_when_bound(*forger, "tilecompile.results", "tile.results." + id, forged));
  HandWorker worker(folder_->path(), "signed-too", worker_keys);
  const ProgramOutput ended = master.get();
  ASSERT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("forged-result"));
  EXPECT_THAT(ended.text + refusals + worker.text(), Not(HasSubstr("the key of this observatory")));
  EXPECT_EQ(product_digests(output() + "/" + id), reference("--set tile.min_size=48"));
  forger->consume("tile.dlq", 10);
  const auto dead = receive_named(*forger, "forged-task");
  ASSERT_TRUE(dead.has_value());
  EXPECT_THAT(dead->message.headers.at("x-tilecompile-reason"), HasSubstr("it is not signed"));
  forger->close();
}

TEST_F(Isolation, KeysAreExchangedWhileARunGoesOn) {
  const std::string both = key_file("both", "the new key of this place\nthe old key of this place\n");
  HandWorker worker(folder_->path(), "rotating", worker_flags("--broker.message_key_file " + both));
  // The master signs with the old key and must take results signed with the new one.
  const std::string masters = key_file("masters", "the old key of this place\nthe new key of this place\n");
  const std::string id = new_uuid();
  const auto ended = start("master", id, "--set tile.min_size=64 --set broker.message_key_file=" + masters);
  ASSERT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_EQ(product_digests(output() + "/" + id), reference("--set tile.min_size=64"));
}

}  // namespace
}  // namespace tilecompile
