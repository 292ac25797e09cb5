// What every transport promises: the same cases in memory and on a real broker.
#include "transport_contract.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tilecompile {
namespace {

[[maybe_unused]] const auto& kRegistered = ContractBroker::instance();

TEST_P(TransportContract, CarriesBodyAndAllProperties) {
  QueueSpec spec = queue();
  spec.exchange = "contract";
  party_->declare(spec);
  Message sent;
  sent.body = "{\"text\": \"Größe 3\u2032 \u661f\"}";
  sent.message_id = new_uuid();
  sent.correlation_id = new_uuid();
  sent.reply_to = "results.of.run";
  sent.headers = {{"attempt", "2"}, {"reason", "M\u00fcll"}, {"empty", ""}};
  sent.priority = 4;
  sent.content_type = "text/plain";
  party_->publish("contract", spec.name, sent).get();
  party_->consume(spec.name, 1);
  const Delivery got = must_receive(*party_);
  EXPECT_EQ(got.message.body, sent.body);
  EXPECT_EQ(got.message.message_id, sent.message_id);
  EXPECT_EQ(got.message.correlation_id, sent.correlation_id);
  EXPECT_EQ(got.message.reply_to, sent.reply_to);
  EXPECT_EQ(got.message.headers, sent.headers);
  EXPECT_EQ(got.message.priority, sent.priority);
  EXPECT_EQ(got.message.content_type, sent.content_type);
  EXPECT_EQ(got.queue, spec.name);
  EXPECT_FALSE(got.redelivered);
}

TEST_P(TransportContract, FillsInDefaults) {
  const QueueSpec spec = declared();
  publish(spec.name, "");
  party_->consume(spec.name, 1);
  const Delivery got = must_receive(*party_);
  EXPECT_EQ(got.message.body, "");
  EXPECT_TRUE(is_uuid(got.message.message_id));
  EXPECT_EQ(got.message.content_type, "application/json");
  EXPECT_EQ(got.message.priority, -1);
  EXPECT_TRUE(got.message.headers.empty());
}

TEST_P(TransportContract, CarriesEveryByteValue) {
  const QueueSpec spec = declared();
  std::string body;
  for (int i = 0; i < 1000; ++i) body.push_back(static_cast<char>(i));
  publish(spec.name, body);
  party_->consume(spec.name, 1);
  EXPECT_EQ(must_receive(*party_).message.body, body);
}

TEST_P(TransportContract, CarriesFourMegabytes) {
  const QueueSpec spec = declared();
  std::string body(4u << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 4093) body[i] = static_cast<char>(i);
  for (int i = 0; i < 3; ++i) publish(spec.name, body + std::to_string(i));
  party_->consume(spec.name, 1);
  for (int i = 0; i < 3; ++i) {
    const Delivery got = must_receive(*party_);
    EXPECT_TRUE(got.message.body == body + std::to_string(i));
    party_->ack(got.tag);
  }
}

TEST_P(TransportContract, PublishToNowhereIsUnroutable) {
  const QueueSpec spec = declared();
  party_->consume(spec.name, 10);
  Message message;
  message.body = "x";
  auto no_queue = party_->publish("", "contract.missing." + new_uuid(), message);
  auto good = party_->publish("", spec.name, message);
  EXPECT_THROW(no_queue.get(), UnroutableError);
  EXPECT_NO_THROW(good.get());
  const Delivery before = must_receive(*party_);
  auto no_exchange = party_->publish("contract.missing", spec.name, message);
  auto after = party_->publish("", spec.name, message);
  EXPECT_THROW(no_exchange.get(), UnroutableError);
  EXPECT_NO_THROW(after.get());
  // The refusals cost nobody a delivery.
  party_->ack(before.tag);
  const Delivery last = must_receive(*party_);
  EXPECT_FALSE(last.redelivered);
  party_->ack(last.tag);
  EXPECT_FALSE(party_->receive(kQuiet));
}

TEST_P(TransportContract, QueueNotBoundToTheExchangeIsUnroutable) {
  QueueSpec bound = queue();
  bound.exchange = "contract";
  party_->declare(bound);
  const QueueSpec unbound = declared();
  Message message;
  EXPECT_NO_THROW(party_->publish("contract", bound.name, message).get());
  EXPECT_THROW(party_->publish("contract", unbound.name, message).get(), UnroutableError);
}

TEST_P(TransportContract, UnroutableAmongGoodOnesIsTheRightOne) {
  const QueueSpec spec = declared();
  std::vector<std::future<void>> confirms;
  for (int i = 0; i < 60; ++i) {
    Message message;
    message.body = std::to_string(i);
    confirms.push_back(party_->publish("", i % 7 == 3 ? "contract.missing" : spec.name, message));
  }
  for (int i = 0; i < 60; ++i) {
    if (i % 7 == 3) {
      EXPECT_THROW(confirms[i].get(), UnroutableError) << i;
    } else {
      EXPECT_NO_THROW(confirms[i].get()) << i;
    }
  }
}

TEST_P(TransportContract, DeliversInOrder) {
  const QueueSpec spec = declared();
  std::vector<std::future<void>> confirms;
  for (int i = 0; i < 200; ++i) {
    Message message;
    message.body = std::to_string(i);
    confirms.push_back(party_->publish("", spec.name, message));
  }
  for (auto& confirm : confirms) confirm.get();
  party_->consume(spec.name, 50);
  for (int i = 0; i < 200; ++i) {
    const Delivery got = must_receive(*party_);
    ASSERT_EQ(got.message.body, std::to_string(i));
    party_->ack(got.tag);
  }
}

TEST_P(TransportContract, PrefetchBoundsWhatIsOut) {
  const QueueSpec spec = declared();
  for (int i = 0; i < 5; ++i) publish(spec.name, std::to_string(i));
  party_->consume(spec.name, 2);
  const Delivery first = must_receive(*party_);
  must_receive(*party_);
  EXPECT_FALSE(party_->receive(kQuiet));
  expect_messages(spec.name, 3);
  party_->ack(first.tag);
  EXPECT_EQ(must_receive(*party_).message.body, "2");
  EXPECT_FALSE(party_->receive(kQuiet));
}

TEST_P(TransportContract, AcknowledgedIsGoneAndTheRestComesBack) {
  const QueueSpec spec = declared();
  publish(spec.name, "done");
  publish(spec.name, "open");
  publish(spec.name, "unseen");
  const auto worker = connect();
  worker->consume(spec.name, 3);
  worker->ack(must_receive(*worker).tag);
  EXPECT_EQ(must_receive(*worker).message.body, "open");
  worker->close();
  party_->consume(spec.name, 3);
  const Delivery open = must_receive(*party_), unseen = must_receive(*party_);
  EXPECT_EQ(open.message.body, "open");
  EXPECT_TRUE(open.redelivered);
  EXPECT_EQ(unseen.message.body, "unseen");
  EXPECT_FALSE(party_->receive(kQuiet));
}

TEST_P(TransportContract, RejectHandsBackOrDrops) {
  QueueSpec dead = declared();
  QueueSpec spec = queue();
  spec.dead_letter_queue = dead.name;
  party_->declare(spec);
  publish(spec.name, "x");
  party_->consume(spec.name, 1);
  party_->reject(must_receive(*party_).tag, true);
  const Delivery again = must_receive(*party_);
  EXPECT_TRUE(again.redelivered);
  party_->reject(again.tag, false);
  expect_messages(dead.name, 1);
  party_->consume(dead.name, 1);
  const Delivery buried = must_receive(*party_);
  EXPECT_EQ(buried.message.body, "x");
  EXPECT_EQ(buried.queue, dead.name);
  EXPECT_EQ(buried.message.headers.at("x-first-death-reason"), "rejected");
}

TEST_P(TransportContract, SettlingTwiceOrWithAStrangeTagIsNothing) {
  const QueueSpec spec = declared();
  publish(spec.name, "a");
  publish(spec.name, "b");
  party_->consume(spec.name, 1);
  const Delivery first = must_receive(*party_);
  party_->ack(first.tag);
  party_->ack(first.tag);
  party_->reject(first.tag, true);
  party_->ack({12345, 67});
  party_->ack(must_receive(*party_).tag);
  EXPECT_FALSE(party_->receive(kQuiet));
  expect_messages(spec.name, 0);
}

TEST_P(TransportContract, CancelHandsBackTheUnreceivedOnly) {
  const QueueSpec spec = declared();
  for (int i = 0; i < 4; ++i) publish(spec.name, std::to_string(i));
  party_->consume(spec.name, 3);
  const Delivery mine = must_receive(*party_);
  party_->cancel(spec.name);
  EXPECT_FALSE(party_->receive(kQuiet));
  expect_messages(spec.name, 3);
  party_->ack(mine.tag);
  party_->cancel(spec.name);
  EXPECT_EQ(party_->inspect(spec.name)->consumers, 0u);
  party_->consume(spec.name, 3);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(must_receive(*party_).message.body, std::to_string(i));
}

TEST_P(TransportContract, ReceiveTimesOut) {
  const QueueSpec spec = declared();
  party_->consume(spec.name, 1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(party_->receive(milliseconds(50)));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(49));
  EXPECT_FALSE(party_->receive(milliseconds(0)));
}

TEST_P(TransportContract, CloseWakesAWaitingReceive) {
  const QueueSpec spec = declared();
  party_->consume(spec.name, 1);
  auto waiting = std::async(std::launch::async, [&] { party_->receive(std::chrono::hours(100000)); });
  EXPECT_EQ(waiting.wait_for(milliseconds(50)), std::future_status::timeout);
  party_->close();
  EXPECT_THROW(waiting.get(), TransientError);
}

TEST_P(TransportContract, ClosedTransportRefusesCalls) {
  const QueueSpec spec = declared();
  EXPECT_TRUE(party_->connected());
  party_->close();
  party_->close();
  EXPECT_FALSE(party_->connected());
  EXPECT_THROW(party_->declare(spec), TransientError);
  EXPECT_THROW(party_->inspect(spec.name), TransientError);
  EXPECT_THROW(party_->consume(spec.name, 1), TransientError);
  EXPECT_THROW(party_->receive(milliseconds(0)), TransientError);
  EXPECT_THROW(party_->ack({1, 1}), TransientError);
  EXPECT_THROW(publish(spec.name, "x"), TransientError);
}

TEST_P(TransportContract, CloseSendsTheAcksBeforeIt) {
  const QueueSpec spec = declared();
  for (int i = 0; i < 100; ++i) publish(spec.name, "x");
  const auto worker = connect();
  worker->consume(spec.name, 100);
  std::vector<DeliveryTag> tags;
  for (int i = 0; i < 100; ++i) tags.push_back(must_receive(*worker).tag);
  for (const DeliveryTag& tag : tags) worker->ack(tag);
  worker->close();
  party_->consume(spec.name, 1);
  EXPECT_FALSE(party_->receive(kQuiet));
}

TEST_P(TransportContract, FourThreadsLoseNoneOfFiveThousand) {
  constexpr int kThreads = 4, kEach = 1250;
  const QueueSpec spec = declared();
  const auto worker = connect();
  worker->consume(spec.name, 100);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::future<void>> confirms;
      for (int i = 0; i < kEach; ++i) {
        Message message;
        message.body = std::to_string(t * kEach + i);
        confirms.push_back(party_->publish("", spec.name, std::move(message)));
      }
      for (auto& confirm : confirms) confirm.get();
    });
  }
  std::set<std::string> received;
  int copies = 0;
  while (received.size() < kThreads * kEach) {
    const auto delivery = worker->receive(kPatience);
    if (!delivery) break;
    received.insert(delivery->message.body);
    ++copies;
    worker->ack(delivery->tag);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(copies, kThreads * kEach);
}

INSTANTIATE_TEST_SUITE_P(Transports, TransportContract, testing::Values("memory", "amqp"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace tilecompile
