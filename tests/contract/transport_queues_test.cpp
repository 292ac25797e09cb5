// What every transport promises of its queues; instantiated beside the other cases of the contract.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tilecompile/protocol/topology.hpp"
#include "transport_contract.hpp"

namespace tilecompile {
namespace {

TEST_P(TransportContract, ExclusiveConsumerStaysAlone) {
  const QueueSpec spec = declared();
  const auto other = connect();
  party_->consume(spec.name, 1, true);
  EXPECT_THROW(other->consume(spec.name, 1, true), UsageError);
  EXPECT_THROW(other->consume(spec.name, 1), UsageError);
  EXPECT_THROW(party_->consume(spec.name, 1), ContractError);
  party_->cancel(spec.name);
  EXPECT_NO_THROW(other->consume(spec.name, 1));
  EXPECT_THROW(party_->consume(spec.name, 1, true), UsageError);
}

TEST_P(TransportContract, ConsumingAMissingQueueIsRefused) {
  const QueueSpec spec = queue();
  EXPECT_THROW(party_->consume(spec.name, 1), UsageError);
  party_->declare(spec);
  EXPECT_NO_THROW(party_->consume(spec.name, 1));
}

TEST_P(TransportContract, InspectCountsReadyMessagesAndConsumers) {
  const QueueSpec spec = queue();
  EXPECT_FALSE(party_->inspect(spec.name));
  party_->declare(spec);
  EXPECT_EQ(party_->inspect(spec.name)->messages, 0u);
  EXPECT_EQ(party_->inspect(spec.name)->consumers, 0u);
  for (int i = 0; i < 3; ++i) publish(spec.name, "x");
  expect_messages(spec.name, 3);
  party_->consume(spec.name, 1);
  must_receive(*party_);
  expect_messages(spec.name, 2);
  EXPECT_EQ(party_->inspect(spec.name)->consumers, 1u);
}

TEST_P(TransportContract, RemovedQueueIsGone) {
  const QueueSpec spec = declared();
  publish(spec.name, "x");
  party_->remove_queue(spec.name);
  EXPECT_FALSE(party_->inspect(spec.name));
  EXPECT_NO_THROW(party_->remove_queue(spec.name));
  EXPECT_THROW(publish(spec.name, "y"), UnroutableError);
  party_->declare(spec);
  EXPECT_EQ(party_->inspect(spec.name)->messages, 0u);
}

TEST_P(TransportContract, RemovingAConsumedQueueEndsItsConsumer) {
  const QueueSpec spec = declared();
  party_->consume(spec.name, 1);
  party_->remove_queue(spec.name);
  EXPECT_FALSE(party_->receive(kQuiet));
  EXPECT_FALSE(party_->inspect(spec.name));
  party_->declare(spec);
  party_->consume(spec.name, 1);
  publish(spec.name, "x");
  EXPECT_EQ(must_receive(*party_).message.body, "x");
}

TEST_P(TransportContract, QueueRemovedByAnotherPartyComesBack) {
  const QueueSpec spec = declared();
  party_->consume(spec.name, 5);
  connect()->remove_queue(spec.name);
  // The consumer needs a moment to learn of it and to declare the queue again.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool published = false;
  while (!published && std::chrono::steady_clock::now() < deadline) {
    try {
      publish(spec.name, "x");
      published = true;
    } catch (const UnroutableError&) {
    }
  }
  ASSERT_TRUE(published);
  EXPECT_EQ(must_receive(*party_).message.body, "x");
}

TEST_P(TransportContract, FullQueueDropsItsHead) {
  QueueSpec spec = queue();
  spec.max_length = 3;
  party_->declare(spec);
  for (int i = 0; i < 10; ++i) publish(spec.name, std::to_string(i));
  expect_messages(spec.name, 3);
  party_->consume(spec.name, 5);
  for (int i = 7; i < 10; ++i) EXPECT_EQ(must_receive(*party_).message.body, std::to_string(i));
}

TEST_P(TransportContract, FullQueueRefusesWhatIsPublishedAndTakesItAgainLater) {
  QueueSpec spec = queue();
  spec.bounds = {3, 1 << 20, false};
  party_->declare(spec);
  // The broker sees that a queue is full some time after its last message.
  int taken = 0;
  EXPECT_THROW(for (; taken < 1000; ++taken) publish(spec.name, std::to_string(taken)), NotTakenError);
  EXPECT_GE(taken, 3);
  party_->consume(spec.name, 1000);
  for (int i = 0; i < taken; ++i) {
    const Delivery got = must_receive(*party_);
    EXPECT_EQ(got.message.body, std::to_string(i));
    party_->ack(got.tag);
  }
  EXPECT_TRUE(eventually([&] {
    try {
      publish(spec.name, "again");
      return true;
    } catch (const NotTakenError&) {
      return false;
    }
  }));
}

TEST_P(TransportContract, ABoundedQueueKeepsTheNewest) {
  QueueSpec spec = queue();
  spec.bounds = {3, 0, true};
  party_->declare(spec);
  for (int i = 0; i < 10; ++i) publish(spec.name, std::to_string(i));
  expect_messages(spec.name, 3);
  party_->consume(spec.name, 5);
  for (int i = 7; i < 10; ++i) EXPECT_EQ(must_receive(*party_).message.body, std::to_string(i));
}

// A queue keeps the arguments it was made with: one of an earlier program is as good, but for its limits.
TEST_P(TransportContract, AQueueWithoutBoundsIsTakenAsItIs) {
  QueueSpec spec = declared();
  publish(spec.name, "x");
  spec.bounds = {100, 1 << 20, false};
  EXPECT_NO_THROW(connect()->declare(spec));
  spec.message_ttl_ms = 1000;
  EXPECT_THROW(connect()->declare(spec), UsageError);
  expect_messages(spec.name, 1);
}

TEST_P(TransportContract, AFanOutReachesEveryQueueBoundToIt) {
  const std::string exchange = "contract.fanout." + new_uuid();
  party_->declare_fanout(exchange);
  EXPECT_NO_THROW(connect()->declare_fanout(exchange));
  EXPECT_THROW(party_->publish(exchange, "", {}).get(), UnroutableError);
}

TEST_P(TransportContract, RetryRungDeliversAfterItsTime) {
  const QueueSpec work = declared();
  QueueSpec rung = queue();
  rung.message_ttl_ms = 50;
  rung.dead_letter_queue = work.name;
  party_->declare(rung);
  party_->consume(work.name, 1);
  publish(rung.name, "later");
  const Delivery got = must_receive(*party_);
  EXPECT_EQ(got.message.body, "later");
  EXPECT_EQ(got.queue, work.name);
  EXPECT_EQ(got.message.headers.at("x-first-death-reason"), "expired");
}

TEST_P(TransportContract, PriorityQueueServesTheHighestFirst) {
  QueueSpec spec = queue();
  spec.max_priority = 5;
  party_->declare(spec);
  for (const int priority : {-1, 3, 1, 5}) {
    Message message;
    message.body = std::to_string(priority);
    message.priority = priority;
    party_->publish("", spec.name, message).get();
  }
  party_->consume(spec.name, 10);
  for (const char* expected : {"5", "3", "1", "-1"}) EXPECT_EQ(must_receive(*party_).message.body, expected);
}

// What a run of high priority asks for overtakes what waits for another run.
TEST_P(TransportContract, TasksOfAHigherPriorityOvertakeThoseThatWait) {
  QueueSpec spec = compute_queue_spec(false);
  spec.name += ".contract";
  party_->declare(spec);
  for (const int priority : {0, 0, kHighestPriority}) {
    Message message;
    message.body = std::to_string(priority);
    message.priority = priority;
    party_->publish(spec.exchange, spec.name, message).get();
  }
  party_->consume(spec.name, 10);
  for (const char* expected : {"9", "0", "0"}) EXPECT_EQ(must_receive(*party_).message.body, expected);
}

TEST_P(TransportContract, DeclaringAgainMustAgree) {
  QueueSpec spec = queue();
  spec.expires_ms = 600000;
  spec.message_ttl_ms = 60000;
  spec.max_length = 100;
  spec.dead_letter_queue = "contract.dead";
  spec.max_priority = 3;
  spec.exchange = "contract";
  party_->declare(spec);
  EXPECT_NO_THROW(party_->declare(spec));
  EXPECT_NO_THROW(connect()->declare(spec));
  QueueSpec other = spec;
  other.max_length = 101;
  try {
    party_->declare(other);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(spec.name), std::string::npos) << error.what();
  }
  // The refusal leaves the transport in order.
  EXPECT_TRUE(party_->inspect(spec.name));
}

}  // namespace
}  // namespace tilecompile
