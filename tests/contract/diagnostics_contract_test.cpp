// Diagnostics over every transport: bounded, and nobody waits for them.
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "contract_broker.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/dispatch/diagnostics_collector.hpp"
#include "tilecompile/protocol/diagnostics_message.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLongPatience{30};
constexpr int kTiles = 12;  // fewer than a sender has under way at most

[[maybe_unused]] const auto& kDiagnosticsRegistered = ContractBroker::instance();

class DiagnosticsContract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (amqp() && !ContractBroker::instance().missing().empty())
      GTEST_SKIP() << ContractBroker::instance().missing();
    master_ = connect();
    worker_ = connect();
    job_.config.enabled = true;
    job_.run_id = new_uuid();
    job_.tiles = kTiles;
    job_.file = folder_ / "diagnostics.jsonl";
    queue_ = diagnostics_queue(job_.run_id, Isolation::kRun);
  }
  void TearDown() override {
    if (!master_) return;
    master_->close();
    worker_->remove_queue(queue_);
    worker_->remove_queue(results_);
  }
  bool amqp() const { return std::string(GetParam()) == "amqp"; }
  std::unique_ptr<Transport> connect() {
    return amqp() ? connect_amqp(ContractBroker::instance().options()) : memory_.connect();
  }
  /// Tells of tile 0 .. kTiles-1 of a task that asks for diagnostics.
  void send_all(DiagnosticsSender& sender) const {
    Message message;
    message.headers[kDiagnosticsHeader] = queue_;
    const TileObserver observe = sender.observer(message, {"w", 1});
    TileTask task;
    task.run_id = job_.run_id;
    TileInput input;
    input.box = {0, 0, 4, 3};
    input.frame_index = {0, 1};
    TileResult result;
    result.channels.resize(1);
    result.channels[0].pixels = Plane<float>(4, 3, 1.0f);
    result.channels[0].coverage = Plane<std::int32_t>(4, 3, 2);
    result.channels[0].quality = result.channels[0].frame_weight = {1, 2};
    for (int t = 0; t < kTiles; ++t) observe(task, {t, input.box, 0}, input, result);
  }
  /// Waits for the broker's verdict on all that was sent.
  static DiagnosticsSender::Counts settled(DiagnosticsSender& sender) {
    const auto deadline = std::chrono::steady_clock::now() + kLongPatience;
    for (;;) {
      const auto c = sender.counts();
      if (c.published + c.failed + c.dropped >= kTiles || std::chrono::steady_clock::now() > deadline)
        return c;
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  void expect_messages(std::uint64_t expected) {
    const auto deadline = std::chrono::steady_clock::now() + kLongPatience;
    while (worker_->inspect(queue_).value().messages != expected &&
           std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(milliseconds(10));
    EXPECT_EQ(worker_->inspect(queue_).value().messages, expected);
  }
  /// A result goes out and is confirmed as if there were no diagnostics.
  void expect_results_pass() {
    worker_->declare(results_queue_spec(results_, false));
    Message message;
    message.body = "{}";
    auto confirmed = worker_->publish(kResultExchange, results_, message);
    ASSERT_EQ(confirmed.wait_for(kLongPatience), std::future_status::ready);
    EXPECT_NO_THROW(confirmed.get());
  }

  MemoryBroker memory_;
  TempDir folder_;
  std::unique_ptr<Transport> master_, worker_;
  DiagnosticsJob job_;
  std::string queue_, results_ = "tile.results." + new_uuid();
};

TEST_P(DiagnosticsContract, WhatWasPublishedIsInTheFile) {
  DiagnosticsCollector collector(*master_, job_);
  DiagnosticsSender sender(*worker_);
  send_all(sender);
  EXPECT_EQ(settled(sender).published, kTiles);
  for (int t = 0; t < kTiles - 1; ++t) {
    const auto delivery = master_->receive(kLongPatience);
    ASSERT_TRUE(delivery && collector.take(*delivery)) << t;
  }
  expect_messages(0);
  EXPECT_EQ(collector.finish()["tiles"], kTiles) << "the last one was there and is not waited for";
  std::ifstream in(job_.file);
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) EXPECT_EQ(decode_diagnostics(line).tile_id, lines);
  EXPECT_EQ(lines, kTiles);
  EXPECT_FALSE(worker_->inspect(queue_)) << "the queue of a run goes with it";
}

TEST_P(DiagnosticsContract, TheQueueIsBoundedByLengthAndAge) {
  master_->declare(diagnostics_queue_spec(queue_, 3, 2));
  DiagnosticsSender sender(*worker_);
  send_all(sender);
  EXPECT_EQ(settled(sender).published, kTiles) << "a full queue drops its oldest, it refuses nothing";
  expect_messages(3);
  expect_messages(0);  // after two seconds
}

TEST_P(DiagnosticsContract, AQueueThatIsNotThereHoldsUpNoResult) {
  DiagnosticsSender sender(*worker_);
  send_all(sender);
  expect_results_pass();
  EXPECT_EQ(settled(sender).failed, kTiles);
}

TEST_P(DiagnosticsContract, AQueueDeletedUnderTheMasterHoldsUpNobody) {
  DiagnosticsCollector collector(*master_, job_);
  DiagnosticsSender sender(*worker_);
  connect()->remove_queue(queue_);
  send_all(sender);
  expect_results_pass();
  const auto c = settled(sender);
  EXPECT_EQ(c.published + c.failed, kTiles);
  const auto began = std::chrono::steady_clock::now();
  const auto summary = collector.finish();
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(10));
  EXPECT_LE(summary["tiles"].get<int>(), c.published);
}

TEST_P(DiagnosticsContract, AQueueWithOtherArgumentsIsDoneWithout) {
  QueueSpec other = diagnostics_queue_spec(queue_, 5, 3600);
  worker_->declare(other);
  DiagnosticsCollector collector(*master_, job_);
  Message task;
  collector.ask(task);
  EXPECT_TRUE(task.headers.empty());
  EXPECT_EQ(collector.finish()["tiles"], 0);
  EXPECT_TRUE(master_->connected());
}

INSTANTIATE_TEST_SUITE_P(Transports, DiagnosticsContract, testing::Values("memory", "amqp"));

}  // namespace
}  // namespace tilecompile
