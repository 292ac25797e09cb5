// What only a real broker can do to us: stop, die, freeze, run out of memory, refuse.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "contract_broker.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr seconds kFaultPatience{60};

class AmqpFaults : public testing::Test {
 protected:
  void SetUp() override {
    const std::string missing = ContractBroker::instance().missing();
    if (!missing.empty()) GTEST_SKIP() << missing;
    options_ = ContractBroker::instance().options();
    options_.heartbeat_s = 2;
    queue_.name = "faults." + new_uuid();
  }
  void TearDown() override {
    if (!queue_.name.empty()) connect_amqp(ContractBroker::instance().options())->remove_queue(queue_.name);
  }

  /// The broker to break; skips the case when it is not ours.
  PrivateBroker* own() { return ContractBroker::instance().own(); }

  static Message text(const std::string& body) {
    Message message;
    message.body = body;
    return message;
  }

  /// Publishes and consumes while `disturb` happens in the middle: every confirmed message must arrive.
  void expect_no_loss(const std::function<void(PrivateBroker&)>& disturb) {
    constexpr int kMessages = 3000;
    const auto master = connect_amqp(options_);
    const auto worker = connect_amqp(options_);
    master->declare(queue_);
    worker->consume(queue_.name, 20);
    std::atomic<int> confirmed{0};
    std::thread publisher([&] {
      for (int i = 0; i < kMessages; ++i) {
        master->publish("", queue_.name, text(std::to_string(i))).get();
        ++confirmed;
      }
    });
    std::set<std::string> received;
    std::thread receiver([&] {
      while (received.size() < kMessages) {
        const auto delivery = worker->receive(kFaultPatience);
        if (!delivery) return;
        received.insert(delivery->message.body);
        worker->ack(delivery->tag);
      }
    });
    while (confirmed < kMessages / 10) std::this_thread::yield();
    disturb(*own());
    publisher.join();
    receiver.join();
    EXPECT_EQ(confirmed, kMessages);
    EXPECT_EQ(received.size(), static_cast<std::size_t>(kMessages));
    worker->close();
    master->close();
  }

  AmqpOptions options_;
  QueueSpec queue_;
};

#define NEEDS_OWN_BROKER() \
  if (own() == nullptr) GTEST_SKIP() << "TILECOMPILE_TEST_BROKER_PORT names a broker tests must not break"

// A queue at its limit that refuses what comes on top: the broker answers with basic.nack.
TEST_F(AmqpFaults, AMessageThatTheBrokerRefusesIsNotConfirmed) {
  NEEDS_OWN_BROKER();
  const auto transport = connect_amqp(options_);
  transport->declare(queue_);
  own()->ctl("set_policy refusing '^" + queue_.name +
             "$' '{\"max-length\":1,\"overflow\":\"reject-publish\"}'");
  const auto refused = [&](const std::string& body) {
    auto confirmed = transport->publish("", queue_.name, text(body));
    if (confirmed.wait_for(kFaultPatience) != std::future_status::ready)
      throw std::runtime_error("no answer");
    try {
      confirmed.get();
      return false;
    } catch (const TransientError& e) {
      EXPECT_NE(std::string(e.what()).find(queue_.name), std::string::npos) << e.what();
      return true;
    }
  };
  // The policy takes effect a moment after the command; from then on a full queue refuses.
  const auto deadline = Clock::now() + kFaultPatience;
  while (!refused("one too many")) ASSERT_LT(Clock::now(), deadline);
  EXPECT_TRUE(refused("again one too many"));
  transport->consume(queue_.name, 100);
  while (const auto delivery = transport->receive(seconds(2))) {
    EXPECT_EQ(delivery->message.body, "one too many");
    transport->ack(delivery->tag);
  }
  EXPECT_FALSE(refused("there is room again")) << "the connection goes on";
  own()->ctl("clear_policy refusing");
}

TEST_F(AmqpFaults, RestartLosesNothing) {
  NEEDS_OWN_BROKER();
  expect_no_loss([](PrivateBroker& broker) { broker.restart(); });
}

TEST_F(AmqpFaults, CrashLosesNothing) {
  NEEDS_OWN_BROKER();
  expect_no_loss([](PrivateBroker& broker) {
    broker.kill9();
    broker.start();
  });
}

TEST_F(AmqpFaults, FrozenBrokerIsNoticedAndLosesNothing) {
  NEEDS_OWN_BROKER();
  options_.heartbeat_s = 1;
  const auto watcher = connect_amqp(options_);
  expect_no_loss([&](PrivateBroker& broker) {
    broker.pause();
    const auto deadline = Clock::now() + kFaultPatience;
    while (watcher->connected() && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(20));
    EXPECT_FALSE(watcher->connected());
    broker.resume();
  });
}

TEST_F(AmqpFaults, DeliveryHeldOverManyHeartbeatsCanBeAcknowledged) {
  options_.heartbeat_s = 1;
  const auto party = connect_amqp(options_);
  party->declare(queue_);
  party->publish("", queue_.name, text("long task")).get();
  party->consume(queue_.name, 1);
  const auto delivery = party->receive(kFaultPatience);
  ASSERT_TRUE(delivery);
  // The time itself is what is tested: a task that computes for more than three heartbeats.
  std::this_thread::sleep_for(milliseconds(4500));
  EXPECT_TRUE(party->connected());
  party->ack(delivery->tag);
  party->close();
  const auto other = connect_amqp(options_);
  other->consume(queue_.name, 1);
  EXPECT_FALSE(other->receive(milliseconds(300)));
}

TEST_F(AmqpFaults, TagFromBeforeAReconnectIsStale) {
  NEEDS_OWN_BROKER();
  const auto party = connect_amqp(options_);
  party->declare(queue_);
  party->publish("", queue_.name, text("x")).get();
  party->consume(queue_.name, 1);
  const auto before = party->receive(kFaultPatience);
  ASSERT_TRUE(before);
  own()->kill9();
  own()->start();
  const auto after = party->receive(kFaultPatience);
  ASSERT_TRUE(after) << own()->queues("messages messages_unacknowledged consumers state");
  EXPECT_TRUE(after->redelivered);
  EXPECT_NE(after->tag.connection, before->tag.connection);
  party->ack(before->tag);
  EXPECT_EQ(party->inspect(queue_.name)->messages, 0u);
  party->reject(after->tag, true);
  EXPECT_TRUE(party->receive(kFaultPatience));
}

TEST_F(AmqpFaults, CallsDuringAnOutageWaitForItsEnd) {
  NEEDS_OWN_BROKER();
  const auto party = connect_amqp(options_);
  own()->kill9();
  auto declared = std::async(std::launch::async, [&] { party->declare(queue_); });
  auto confirmed = party->publish("", "faults.missing", text("x"));
  EXPECT_EQ(declared.wait_for(milliseconds(300)), std::future_status::timeout);
  own()->start();
  EXPECT_NO_THROW(declared.get());
  EXPECT_THROW(confirmed.get(), UnroutableError);
  EXPECT_TRUE(party->connected());
}

TEST_F(AmqpFaults, TooLongAnOutageEndsTheTransport) {
  NEEDS_OWN_BROKER();
  options_.reconnect_timeout_s = 0.5;
  const auto party = connect_amqp(options_);
  party->declare(queue_);
  party->consume(queue_.name, 1);
  own()->kill9();
  auto confirmed = party->publish("", queue_.name, text("x"));
  EXPECT_THROW(party->receive(kFaultPatience), TransientError);
  EXPECT_THROW(confirmed.get(), TransientError);
  EXPECT_THROW(party->inspect(queue_.name), TransientError);
  own()->start();
}

TEST_F(AmqpFaults, CloseDuringAnOutageReturnsSoon) {
  NEEDS_OWN_BROKER();
  const auto party = connect_amqp(options_);
  own()->kill9();
  auto confirmed = party->publish("", "faults.missing", text("x"));
  const auto start = Clock::now();
  party->close();
  EXPECT_LT(Clock::now() - start, seconds(12));
  EXPECT_THROW(confirmed.get(), TransientError);
  own()->start();
}

TEST_F(AmqpFaults, MemoryAlarmHoldsPublishesBackUntilItClears) {
  NEEDS_OWN_BROKER();
  const auto party = connect_amqp(options_);
  party->declare(queue_);
  own()->ctl("set_vm_memory_high_watermark 0.000001");
  std::vector<std::future<void>> confirms;
  for (int i = 0; i < 500; ++i) confirms.push_back(party->publish("", queue_.name, text("x")));
  EXPECT_EQ(confirms.back().wait_for(milliseconds(500)), std::future_status::timeout);
  own()->ctl("set_vm_memory_high_watermark absolute 2GB");
  for (auto& confirm : confirms) EXPECT_NO_THROW(confirm.get());
}

TEST_F(AmqpFaults, BodyOverTheLimitIsRejectedUnread) {
  const auto party = connect_amqp(options_);
  QueueSpec dead;
  dead.name = queue_.name + ".dead";
  dead.expires_ms = 60000;
  party->declare(dead);
  queue_.dead_letter_queue = dead.name;
  party->declare(queue_);
  party->publish("", queue_.name, text(std::string(400000, 'x'))).get();
  party->publish("", queue_.name, text("small")).get();
  options_.max_body_bytes = 1000;
  const auto modest = connect_amqp(options_);
  EXPECT_THROW(modest->publish("", queue_.name, text(std::string(1001, 'x'))), UsageError);
  modest->consume(queue_.name, 1);
  const auto delivery = modest->receive(kFaultPatience);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->message.body, "small");
  party->consume(dead.name, 1);
  EXPECT_EQ(party->receive(kFaultPatience).value().message.body.size(), 400000u);
  party->remove_queue(dead.name);
}

TEST_F(AmqpFaults, QuorumQueueServesToo) {
  queue_.quorum = true;
  const auto party = connect_amqp(options_);
  party->declare(queue_);
  EXPECT_NO_THROW(party->declare(queue_));
  party->publish("", queue_.name, text("x")).get();
  party->consume(queue_.name, 1);
  const auto delivery = party->receive(kFaultPatience);
  ASSERT_TRUE(delivery);
  party->reject(delivery->tag, true);
  const auto again = party->receive(kFaultPatience);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->redelivered);
}

std::string login_error(const AmqpOptions& options) {
  try {
    connect_amqp(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST_F(AmqpFaults, WrongPasswordIsAUsageErrorThatKeepsTheSecret) {
  options_.password = "s3cret-but-wrong";
  const std::string text = login_error(options_);
  EXPECT_NE(text.find("'guest'"), std::string::npos) << text;
  EXPECT_NE(text.find("password"), std::string::npos) << text;
  EXPECT_NE(text.find(std::to_string(options_.port)), std::string::npos) << text;
  EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
}

TEST_F(AmqpFaults, MissingVirtualHostIsNamedWithItsRemedy) {
  options_.vhost = "astro";
  const std::string text = login_error(options_);
  EXPECT_NE(text.find("rabbitmqctl add_vhost astro"), std::string::npos) << text;
}

TEST_F(AmqpFaults, MissingPermissionsAreUsageErrors) {
  NEEDS_OWN_BROKER();
  own()->ctl("add_user reader pw");
  AmqpOptions reader = options_;
  reader.user = "reader";
  reader.password = "pw";
  const std::string refused = login_error(reader);
  EXPECT_NE(refused.find("rabbitmqctl set_permissions"), std::string::npos) << refused;
  own()->ctl("set_permissions -p / reader '^none$' '^none$' '^faults'");
  const auto master = connect_amqp(options_);
  master->declare(queue_);
  const auto party = connect_amqp(reader);
  QueueSpec other;
  other.name = "other." + new_uuid();
  EXPECT_THROW(party->declare(other), UsageError);
  EXPECT_THROW(party->consume(other.name, 1), UsageError);
  EXPECT_THROW(party->publish("", queue_.name, text("x")).get(), UsageError);
  // What it may do, it still can.
  master->publish("", queue_.name, text("y")).get();
  party->consume(queue_.name, 1);
  EXPECT_EQ(party->receive(kFaultPatience).value().message.body, "y");
}

TEST_F(AmqpFaults, TheBrokerVouchesForTheUserOfAMessage) {
  NEEDS_OWN_BROKER();
  const auto reader = connect_amqp(options_);
  reader->declare(queue_);
  reader->consume(queue_.name, 10);
  AmqpOptions named = options_;
  named.user_id = options_.user;
  connect_amqp(named)->publish("", queue_.name, text("with a name")).get();
  EXPECT_EQ(reader->receive(kFaultPatience).value().user, options_.user);
  connect_amqp(options_)->publish("", queue_.name, text("without")).get();
  EXPECT_EQ(reader->receive(kFaultPatience).value().user, "");
  named.user_id = "somebody-else";
  const auto liar = connect_amqp(named);
  try {
    liar->publish("", queue_.name, text("under a false name")).get();
    ADD_FAILURE() << "a false name was taken";
  } catch (const UsageError& error) {
    const std::string refusal = error.what();
    EXPECT_NE(refusal.find("broker.user must be the user that this login has"), std::string::npos) << refusal;
  }
  EXPECT_FALSE(reader->receive(std::chrono::milliseconds(300)).has_value());
}

TEST_F(AmqpFaults, UnreachablePortIsNamedWithItsRemedy) {
  // A port that was free a moment ago.
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(listener);
  options_.port = ntohs(address.sin_port);
  options_.connect_timeout_s = 0.5;
  try {
    connect_amqp(options_);
    FAIL() << "connected";
  } catch (const TransientError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("127.0.0.1:" + std::to_string(options_.port)), std::string::npos) << text;
    EXPECT_NE(text.find("broker.port"), std::string::npos) << text;
    EXPECT_EQ(text.find(options_.password + "@"), std::string::npos) << text;
  }
}

TEST_F(AmqpFaults, UnknownHostIsTransient) {
  options_.host = "no-such-host.invalid";
  options_.allow_plaintext = true;
  options_.connect_timeout_s = 0.3;
  EXPECT_THROW(connect_amqp(options_), TransientError);
}

}  // namespace
}  // namespace tilecompile
