#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "broker/patience.hpp"
#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// A small night and a broker for all tests of this file.
class Distributed : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = &shared_broker();
    night_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + night() +
                                  " --frames 16 --width 500 --height 330 --stars 150 --drift 30 --seed 5");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    reference_ = digests_of("run", "");
    ASSERT_GE(reference_.size(), 2u);
  }
  static void TearDownTestSuite() { delete night_; }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();  // the workers of the case before
  }
  static std::string night() { return (*night_ / "night").string(); }
  static std::string output() { return (*night_ / "out").string(); }
  static std::string broker_flag() { return " --set broker.port=" + std::to_string(broker_->port()); }
  static std::string worker_flags() {
    return "--input.dir '" + night() + "/frames' --storage.root '" + output() + "' --broker.port " +
           std::to_string(broker_->port());
  }

  /// Runs `run` or `master` and returns the digests of its products.
  static std::map<std::string, std::string> digests_of(const std::string& mode, const std::string& flags) {
    const std::string id = new_uuid();
    const auto ended =
        run_program(mode + " " + night() + "/run.yaml --quiet --run-id " + id + " --output '" + output() +
                    "' --set tile.min_size=48 " + flags + (mode == "master" ? broker_flag() : ""));
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    return ended.exit_code == 0 ? product_digests(*night_ / "out" / id)
                                : std::map<std::string, std::string>{};
  }

  static inline PrivateBroker* broker_ = nullptr;
  static inline const bool siril_ = run_shell("command -v siril-cli").exit_code == 0;
  static inline TempDir* night_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
};

TEST_F(Distributed, AnyNumberOfWorkersGivesTheBitsOfTheReferenceRun) {
  for (int workers : {1, 2, 4})
    EXPECT_EQ(digests_of("master", "--workers " + std::to_string(workers)), reference_) << workers;
}

TEST_F(Distributed, ACalmRunOfWorkersOfItsOwnReportsNothingOdd) {
  const auto ended =
      run_program("master " + night() + "/run.yaml --workers 2 --output '" +
                  (*night_ / "fresh/out").string() + "' --set tile.min_size=48" + broker_flag());
  EXPECT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_EQ(ended.text.find(" error "), std::string::npos) << ended.text;
  EXPECT_EQ(ended.text.find("takes no tasks"), std::string::npos) << ended.text;
}

TEST_F(Distributed, FramesThatTheMasterAnalysesGiveTheSameBits) {
  EXPECT_EQ(digests_of("master", "--workers 2 --set parallel.frame_tasks=false"), reference_);
}

TEST_F(Distributed, TasksOfOneAndOfManyTilesGiveTheSameBits) {
  for (const char* batch : {"1", "3", "1000"})
    EXPECT_EQ(digests_of("master", std::string("--workers 2 --set parallel.batch=") + batch), reference_)
        << batch;
}

// The v2 file as it stands, but for size, number and stage of the frames: synthetic frames, rescaled tiles
// and Siril's check included.
TEST_F(Distributed, TheV2FileGivesTheSameBitsOverThreeWorkers) {
  const auto made = run_program("simulate '" + (*night_ / "v2").string() +
                                "' --frames 40 --width 384 --height 216 --stars 90 --drift 20 --seed 9");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  std::map<std::string, std::string> digests[2];
  std::string clusters[2];
  for (const std::string mode : {"run", "master --workers 3"}) {
    const std::string id = new_uuid();
    const ProgramOutput ended =
        run_program(mode + " '" + source_dir() + "/config/tile_compile.v2.yaml' --quiet --run-id " + id +
                    " --output '" + output() + "' --set input.dir='" + (*night_ / "v2/frames").string() +
                    "' --set synthetic.enabled=true --set data.image_width=384 --set data.image_height=216 "
                    "--set data.frames_min=40" +
                    (mode == "run" ? "" : broker_flag()) + (siril_ ? "" : " --set stacking.engine=internal"));
    // 3: the literal v2 method is noisier than the classical stack, which its own thresholds forbid.
    ASSERT_TRUE(ended.exit_code == 0 || ended.exit_code == 3) << ended.text;
    const std::size_t i = mode == "run" ? 0 : 1;
    digests[i] = product_digests(*night_ / "out" / id);
    clusters[i] = file_text(*night_ / "out" / id / "clusters.json");
    EXPECT_EQ(run_record(*night_ / "out" / id).at("cluster_sizes").size(), 15u);
  }
  ASSERT_EQ(digests[0].size(), 3u + 15u);
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_FALSE(clusters[0].empty());
  EXPECT_EQ(clusters[0], clusters[1]);
}

TEST_F(Distributed, SharedIsolationGivesTheSameBits) {
  EXPECT_EQ(digests_of("master", "--workers 1 --set parallel.isolation=shared"), reference_);
}

TEST_F(Distributed, AWorkerStartedByHandServesTheRunAndStopsOnSigterm) {
  HandWorker worker(night_->path(), "by-hand", worker_flags());
  EXPECT_EQ(digests_of("master", ""), reference_);
  worker.end(SIGTERM);
  worker.join();
  EXPECT_NE(worker.text().find("exit 143"), std::string::npos) << worker.text();
}

TEST_F(Distributed, AWorkerKilledWithTasksInHandLosesNothing) {
  HandWorker victim(night_->path(), "victim", worker_flags());
  bool struck = false;
  std::thread killer([&] {
    struck = victim.wait_for("tile done");
    victim.end(SIGKILL);
  });
  EXPECT_EQ(digests_of("master", "--workers 1 --set parallel.batch=2"), reference_);
  killer.join();
  EXPECT_TRUE(struck);
}

TEST_F(Distributed, AnUnreadableTaskIsKeptWithItsReason) {
  EXPECT_EQ(digests_of("master", "--workers 1"), reference_);  // declares the queues
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  const auto party = connect_amqp(options);
  Message message;
  message.body = R"({"schema": 1, "task_type": "tile_compute"})";
  message.message_id = "unreadable-task";
  party->publish("", "tile.compute", message).get();
  EXPECT_EQ(digests_of("master", "--workers 1"), reference_);
  party->consume("tile.dlq", 10);
  const auto dead = receive_named(*party, message.message_id);
  ASSERT_TRUE(dead.has_value());
  EXPECT_EQ(dead->message.body, message.body);
  EXPECT_NE(dead->message.headers.at("x-tilecompile-reason").find("missing"), std::string::npos);
  party->close();
}

TEST_F(Distributed, ATileThatFailsForGoodIsAHoleThatTheVerdictTellsOf) {
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  const auto party = connect_amqp(options);
  const std::string id = new_uuid();
  ProgramOutput ended;
  std::thread master([&] {
    ended = run_program("master " + night() + "/run.yaml --quiet --run-id " + id + " --output '" + output() +
                        "' --set tile.min_size=48 --set parallel.batch=1 --set retry.max_failed_tiles=1 "
                        "--set retry.max_attempts=1" +
                        broker_flag());
  });
  // The corner tile fails on a worker of ours; the others go to a real one.
  EXPECT_TRUE(comes_true([&] { return party->inspect("tile.results." + id).has_value(); }));
  party->consume("tile.compute", 1);
  const auto task = party->receive(30s);
  ASSERT_TRUE(task.has_value());
  const auto body = nlohmann::json::parse(task->message.body);
  Message failure;
  failure.body = nlohmann::json{{"schema", 1},
                                {"correlation_id", body.at("correlation_id")},
                                {"run_id", id},
                                {"tile_id", body.at("tile_id")},
                                {"worker_id", "unlucky"},
                                {"attempt", 1},
                                {"compute_seconds", 0.5},
                                {"error", {{"kind", "input"}, {"text", "the frame is another one"}}}}
                     .dump();
  party->publish("", task->message.reply_to, failure).get();
  party->ack(task->tag);
  party->close();
  HandWorker worker(night_->path(), "healthy", worker_flags());
  master.join();
  EXPECT_EQ(ended.exit_code, 3) << ended.text;
  EXPECT_EQ(body.at("tile_id"), 0);
  const fs::path directory = *night_ / "out" / id;
  const auto verdict = run_record(directory).at("verdict");
  EXPECT_TRUE(std::any_of(verdict.begin(), verdict.end(), [](const auto& check) {
    return check.at("name") == "failed_tiles" && check.at("passed") == false && check.at("value") == 1;
  })) << verdict;
  const Image picture = read_image(directory / "reconstruction.fits");
  const Image coverage = read_image(directory / "reconstruction.coverage.fits");
  EXPECT_TRUE(std::isnan(picture[0].at(2, 2)));
  EXPECT_EQ(coverage[0].at(2, 2), 0);
  int holes = 0;
  for (const float v : picture[0].samples()) holes += std::isnan(v) ? 1 : 0;
  EXPECT_LT(holes, 64 * 64);
}

TEST_F(Distributed, DeadLettersAreListedShownRefusedAndDropped) {
  EXPECT_EQ(digests_of("master", "--workers 1"), reference_);  // declares the queues
  const std::string flags = " --set broker.port=" + std::to_string(broker_->port());
  // Who only looks holds the letters until the broker has taken them back.
  const auto dlq = [&](const std::string& words) {
    broker_->wait_until_quiet();
    return run_program("dlq " + words + flags);
  };
  dlq("drop --all");
  AmqpOptions options;
  options.port = broker_->port();
  options.password = "guest";
  Message letter;
  letter.message_id = "some-run:7";
  letter.body = "{}";
  letter.headers = {{"x-tilecompile-reason", "no task at all"}, {"x-tilecompile-worker", "w3"}};
  connect_amqp(options)->publish("", "tile.dlq", letter).get();
  for (int again = 0; again < 2; ++again) {
    const auto listed = dlq("list");
    EXPECT_EQ(listed.exit_code, 0) << listed.text;
    for (const char* word : {"some-run:7", "no task at all", "w3", "1 dead letters"})
      EXPECT_NE(listed.text.find(word), std::string::npos) << listed.text;
  }
  EXPECT_NE(dlq("show some-run:7").text.find("no task at all"), std::string::npos);
  EXPECT_EQ(dlq("show other").exit_code, 2);
  const auto refused = dlq("retry some-run:7");
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_NE(refused.text.find("drop it"), std::string::npos) << refused.text;
  EXPECT_NE(dlq("drop some-run:7").text.find("1 dead letters dropped"), std::string::npos);
  EXPECT_NE(dlq("list").text.find("0 dead letters"), std::string::npos);
}

TEST_F(Distributed, NoBrokerIsAClearTextAndExitCodeFive) {
  const auto ended =
      run_program("master " + night() + "/run.yaml --quiet --output '" + (*night_ / "none").string() +
                  "' --set broker.port=9 --set broker.connect_timeout_s=1");
  EXPECT_EQ(ended.exit_code, 5) << ended.text;
  EXPECT_NE(ended.text.find("127.0.0.1:9"), std::string::npos) << ended.text;
  EXPECT_FALSE(std::filesystem::exists(*night_ / "none"));
}

TEST_F(Distributed, AWrongPasswordIsAClearTextWithoutThePassword) {
  const auto ended = run_shell(std::string("TILECOMPILE_AMQP_PASSWORD=not-the-one '") + program_path() +
                               "' master " + night() + "/run.yaml --quiet" + broker_flag());
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_EQ(ended.text.find("not-the-one"), std::string::npos) << ended.text;
}

}  // namespace
}  // namespace tilecompile
