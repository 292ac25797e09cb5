#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Message text(const std::string& body, int priority = -1) {
  Message message;
  message.body = body;
  message.priority = priority;
  return message;
}

QueueSpec queue(const std::string& name) {
  QueueSpec spec;
  spec.name = name;
  return spec;
}

std::string next_body(Transport& transport) {
  const auto delivery = transport.receive(milliseconds(0));
  if (!delivery) return "(none)";
  transport.ack(delivery->tag);
  return delivery->message.body;
}

TEST(MemoryTransport, ServesConsumersInTurn) {
  MemoryBroker broker;
  const auto master = broker.connect(), one = broker.connect(), two = broker.connect();
  master->declare(queue("q"));
  one->consume("q", 2);
  two->consume("q", 2);
  for (int i = 0; i < 4; ++i) master->publish("", "q", text(std::to_string(i))).get();
  EXPECT_EQ(next_body(*one), "0");
  EXPECT_EQ(next_body(*one), "2");
  EXPECT_EQ(next_body(*two), "1");
  EXPECT_EQ(next_body(*two), "3");
}

TEST(MemoryTransport, HigherPriorityGoesFirstCappedByTheQueue) {
  MemoryBroker broker;
  const auto party = broker.connect();
  QueueSpec spec = queue("q");
  spec.max_priority = 5;
  party->declare(spec);
  const int priorities[] = {0, 3, -1, 5, 1, 9};
  for (const int p : priorities) party->publish("", "q", text(std::to_string(p), p)).get();
  party->consume("q", 10);
  std::string order;
  for (int i = 0; i < 6; ++i) order += next_body(*party) + " ";
  EXPECT_EQ(order, "5 9 3 1 0 -1 ");
}

TEST(MemoryTransport, ExpiredMessageMovesAlongTheRetryLadder) {
  MemoryBroker broker;
  const auto party = broker.connect();
  party->declare(queue("work"));
  QueueSpec rung = queue("retry");
  rung.message_ttl_ms = 20;
  rung.dead_letter_queue = "work";
  party->declare(rung);
  party->consume("work", 1);
  party->publish("", "retry", text("later")).get();
  EXPECT_FALSE(party->receive(milliseconds(0)));
  // The waiting receiver is woken by the expiry itself, long before its own timeout.
  const auto delivery = party->receive(seconds(30));
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->message.body, "later");
  EXPECT_EQ(delivery->message.headers.at("x-first-death-reason"), "expired");
  EXPECT_EQ(delivery->message.headers.at("x-first-death-queue"), "retry");
  EXPECT_EQ(party->inspect("retry")->messages, 0u);
}

TEST(MemoryTransport, RejectedMessageGoesToTheDeadLetterQueue) {
  MemoryBroker broker;
  const auto party = broker.connect();
  party->declare(queue("dead"));
  QueueSpec spec = queue("q");
  spec.dead_letter_queue = "dead";
  party->declare(spec);
  party->consume("q", 1);
  party->publish("", "q", text("x")).get();
  party->reject(party->receive(milliseconds(0))->tag, false);
  EXPECT_EQ(party->inspect("dead")->messages, 1u);
  EXPECT_EQ(party->inspect("q")->messages, 0u);
}

TEST(MemoryTransport, DeadLetterCircleEnds) {
  MemoryBroker broker;
  const auto party = broker.connect();
  for (const char* name : {"a", "b"}) {
    QueueSpec spec = queue(name);
    spec.max_length = 1;
    spec.dead_letter_queue = spec.name == "a" ? "b" : "a";
    party->declare(spec);
  }
  for (int i = 0; i < 10; ++i) party->publish("", "a", text("x")).get();
  EXPECT_EQ(party->inspect("a")->messages, 1u);
  EXPECT_EQ(party->inspect("b")->messages, 1u);
}

TEST(MemoryTransport, UnusedQueueExpires) {
  MemoryBroker broker;
  const auto party = broker.connect();
  QueueSpec spec = queue("q");
  spec.expires_ms = 1;
  party->declare(spec);
  // Waiting for a message that never comes lets the time pass.
  party->receive(milliseconds(5));
  EXPECT_FALSE(party->inspect("q"));
}

TEST(MemoryTransport, TagOfAnotherPartyIsNothing) {
  MemoryBroker broker;
  const auto one = broker.connect(), two = broker.connect();
  one->declare(queue("q"));
  one->consume("q", 1);
  one->publish("", "q", text("x")).get();
  const auto delivery = one->receive(milliseconds(0));
  two->ack(delivery->tag);
  one->reject(delivery->tag, true);
  EXPECT_TRUE(one->receive(milliseconds(0)).value().redelivered);
}

TEST(MemoryTransport, AckAfterTheQueueWasRemovedIsNothing) {
  MemoryBroker broker;
  const auto party = broker.connect();
  party->declare(queue("q"));
  party->consume("q", 1);
  party->publish("", "q", text("old")).get();
  const auto delivery = party->receive(milliseconds(0));
  party->remove_queue("q");
  party->declare(queue("q"));
  party->consume("q", 1);
  party->reject(delivery->tag, true);
  EXPECT_FALSE(party->receive(milliseconds(0)));
}

TEST(MemoryTransport, ConsumerThatDeclaredTheQueueBringsItBack) {
  MemoryBroker broker;
  const auto worker = broker.connect(), master = broker.connect();
  worker->declare(queue("q"));
  worker->consume("q", 1);
  master->remove_queue("q");
  master->publish("", "q", text("x")).get();
  EXPECT_EQ(next_body(*worker), "x");
}

TEST(MemoryTransport, ConsumerWaitsForItsQueueToReturn) {
  MemoryBroker broker;
  const auto worker = broker.connect(), master = broker.connect();
  master->declare(queue("q"));
  worker->consume("q", 1);
  master->publish("", "q", text("lost")).get();
  master->remove_queue("q");
  EXPECT_FALSE(master->inspect("q"));
  master->declare(queue("q"));
  master->publish("", "q", text("x")).get();
  EXPECT_EQ(next_body(*worker), "lost");
  EXPECT_EQ(next_body(*worker), "x");
}

TEST(MemoryTransport, BrokerOutlivedByItsParties) {
  std::unique_ptr<Transport> party;
  {
    MemoryBroker broker;
    party = broker.connect();
  }
  party->declare(queue("q"));
  EXPECT_TRUE(party->inspect("q"));
}

TEST(MemoryTransport, ManyReceiversOfOnePartyLoseNothing) {
  MemoryBroker broker;
  const auto party = broker.connect();
  party->declare(queue("q"));
  party->consume("q", 100);
  std::atomic<int> received{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (received < 300) {
        const auto delivery = party->receive(milliseconds(20));
        if (!delivery) continue;
        ++received;
        party->ack(delivery->tag);
      }
    });
  }
  for (int i = 0; i < 300; ++i) party->publish("", "q", text("x")).get();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received, 300);
  EXPECT_EQ(party->inspect("q")->messages, 0u);
}

TEST(MemoryTransport, RefusesWhatAmqpCannotCarry) {
  MemoryBroker broker;
  const auto party = broker.connect();
  EXPECT_THROW(party->declare(queue("")), UsageError);
  EXPECT_THROW(party->declare(queue(std::string(256, 'q'))), UsageError);
  QueueSpec spec = queue("q");
  spec.quorum = true;
  spec.max_priority = 3;
  EXPECT_THROW(party->declare(spec), UsageError);
  party->declare(queue("q"));
  EXPECT_THROW(party->consume("q", 0), UsageError);
  EXPECT_THROW(party->publish("", "q", text("x", 256)), UsageError);
  Message message = text("x");
  message.correlation_id = std::string(256, 'c');
  EXPECT_THROW(party->publish("", "q", message), UsageError);
  message = text("x");
  message.headers["h"] = std::string(70000, 'v');
  EXPECT_THROW(party->publish("", "q", message), UsageError);
}

}  // namespace
}  // namespace tilecompile
