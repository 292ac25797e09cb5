#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "contract_broker.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"

// A broker that is short of disk or memory: it takes no messages, and all else goes on.

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class BrokerAlarm : public testing::Test {
 protected:
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_ = std::make_unique<PrivateBroker>();
    options_.port = broker_->port();
    options_.password = "guest";
  }
  void raise_disk_alarm() { broker_->ctl("set_disk_free_limit 100000GB"); }
  void end_disk_alarm() { broker_->ctl("set_disk_free_limit 64MB"); }

  static bool comes_true(const std::function<bool()>& what, std::chrono::seconds within) {
    const auto until = steady_clock::now() + within;
    while (!what()) {
      if (steady_clock::now() > until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  static Message message(std::size_t bytes) {
    Message m;
    m.body = std::string(bytes, 'x');
    return m;
  }
  static bool taken(std::future<void>& confirm, std::chrono::seconds within) {
    return confirm.wait_for(within) == std::future_status::ready;
  }

  std::unique_ptr<PrivateBroker> broker_;
  AmqpOptions options_;
};

TEST_F(BrokerAlarm, QuestionsDeliveriesAndAcknowledgementsGoOn) {
  const auto transport = connect_amqp(options_);
  QueueSpec queue;
  queue.name = "alarm.a";
  transport->declare(queue);
  for (int i = 0; i < 3; ++i) transport->publish("", queue.name, message(10)).get();
  EXPECT_EQ(find_alarm(*transport), "");
  raise_disk_alarm();
  const std::string alarm = find_alarm(*transport);
  EXPECT_THAT(alarm, HasSubstr("takes no messages (low on disk)"));
  EXPECT_EQ(transport->blocked(), alarm);
  auto late = transport->publish("", queue.name, message(10));
  const auto began = steady_clock::now();
  EXPECT_EQ(transport->inspect(queue.name)->messages, 3u);
  QueueSpec other;
  other.name = "alarm.b";
  transport->declare(other);
  transport->remove_queue(other.name);
  transport->consume(queue.name, 2);
  for (int i = 0; i < 3; ++i) {
    const auto delivery = transport->receive(5s);
    ASSERT_TRUE(delivery);
    transport->ack(delivery->tag);
  }
  EXPECT_TRUE(transport->consuming(queue.name));
  EXPECT_LT(steady_clock::now() - began, 10s);
  EXPECT_FALSE(taken(late, 1s));
  EXPECT_THROW(await_confirm(*transport, transport->publish("", queue.name, message(10))), TransientError);
  end_disk_alarm();
  EXPECT_TRUE(taken(late, 20s));
  EXPECT_TRUE(comes_true([&] { return transport->blocked().empty(); }, 10s));
  EXPECT_TRUE(transport->receive(5s));
  EXPECT_TRUE(transport->connected());
}

// More than the sockets hold at once, for longer than a silent peer is given.
TEST_F(BrokerAlarm, WhatItDoesNotReadForLongIsNotTakenForALostConnection) {
  options_.heartbeat_s = 2;
  const auto transport = connect_amqp(options_);
  QueueSpec queue;
  queue.name = "alarm.long";
  transport->declare(queue);
  raise_disk_alarm();
  std::vector<std::future<void>> confirms;
  for (int i = 0; i < 80; ++i) confirms.push_back(transport->publish("", queue.name, message(100'000)));
  ASSERT_TRUE(comes_true([&] { return !transport->blocked().empty(); }, 10s));
  EXPECT_FALSE(comes_true([&] { return !transport->connected() || transport->blocked().empty(); }, 15s));
  end_disk_alarm();
  for (auto& confirm : confirms) {
    ASSERT_TRUE(taken(confirm, 30s));
    confirm.get();
  }
  EXPECT_EQ(transport->inspect(queue.name)->messages, 80u);  // none twice: nothing was sent again
}

TEST_F(BrokerAlarm, CloseDoesNotWaitForTheEndOfAMemoryAlarm) {
  const auto transport = connect_amqp(options_);
  QueueSpec queue;
  queue.name = "alarm.memory";
  transport->declare(queue);
  broker_->ctl("set_vm_memory_high_watermark 0.00001");
  EXPECT_TRUE(
      comes_true([&] { return find_alarm(*transport).find("low on memory") != std::string::npos; }, 20s));
  auto open = transport->publish("", queue.name, message(10));
  const auto began = steady_clock::now();
  transport->close();
  EXPECT_LT(steady_clock::now() - began, 5s);
  EXPECT_THROW(open.get(), TransientError);
  const auto another = connect_amqp(options_);
  EXPECT_EQ(another->inspect(queue.name)->messages, 0u);
}

TEST_F(BrokerAlarm, ARefusalNamesThePolicyThatLimitsTheQueue) {
  const auto transport = connect_amqp(options_);
  broker_->ctl(
      "set_policy short '^alarm' '{\"max-length\":2,\"overflow\":\"reject-publish\"}' --apply-to queues");
  QueueSpec queue;
  queue.name = "alarm.short";
  transport->declare(queue);
  std::string text;
  for (int i = 0; i < 10 && text.empty(); ++i) {
    auto confirm = transport->publish("", queue.name, message(10));
    ASSERT_TRUE(taken(confirm, 10s));
    try {
      confirm.get();
    } catch (const TransientError& e) {
      text = e.what();
    }
  }
  EXPECT_THAT(text, HasSubstr("a policy limits its length"));
}

// Nobody listens at the port: the first connection is not waited for once the program is to stop.
TEST(BrokerAway, IsNotWaitedForAfterAStop) {
  AmqpOptions options;
  options.port = 1;
  options.connect_timeout_s = 60;
  std::atomic<bool> stop{false};
  options.stopping = [&stop] { return stop.load(); };
  std::thread signal([&stop] {
    std::this_thread::sleep_for(300ms);
    stop = true;
  });
  const auto began = steady_clock::now();
  EXPECT_THROW(connect_amqp(options), TransientError);
  EXPECT_LT(steady_clock::now() - began, 10s);
  signal.join();
}

}  // namespace
}  // namespace tilecompile
