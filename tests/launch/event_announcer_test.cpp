#include "launch/event_announcer.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

TEST(EventAnnouncer, EveryQueueAtTheFanOutGetsTheLines) {
  MemoryBroker broker;
  const auto master = broker.connect(), first = broker.connect(), second = broker.connect();
  EventAnnouncer announcer(*master, "run");
  announcer.tell("events.jsonl", "nobody listens yet");
  const std::string prefix = "tilecompile.watch.";
  for (const auto& [party, name] : {std::pair{first.get(), "a"}, std::pair{second.get(), "b"}}) {
    QueueSpec queue;
    queue.name = prefix + name;
    queue.exchange = kEventExchange;
    party->declare(queue);
    party->consume(queue.name, 10);
  }
  announcer.tell("events.jsonl", R"({"event":"run_started"})");
  announcer.tell("journal.jsonl", R"({"tile_id":0})");
  for (Transport* party : {first.get(), second.get()}) {
    const auto event = party->receive(5s), result = party->receive(5s);
    ASSERT_TRUE(event && result);
    EXPECT_EQ(event->message.body, R"({"event":"run_started"})");
    EXPECT_EQ(event->message.headers.at(kFileHeader), "events.jsonl");
    EXPECT_EQ(result->message.headers.at(kFileHeader), "journal.jsonl");
    EXPECT_FALSE(party->receive(0s));
  }
}

// A listener that takes nothing, and one without end, must not hold up a run.
TEST(EventAnnouncer, AFullListenerCostsNothing) {
  MemoryBroker broker;
  const auto master = broker.connect(), listener = broker.connect();
  EventAnnouncer announcer(*master, "run");
  QueueSpec queue;
  queue.name = "tilecompile.watch.full";
  queue.exchange = kEventExchange;
  queue.bounds.messages = 2;
  listener->declare(queue);
  for (int i = 0; i < 500; ++i) announcer.tell("events.jsonl", std::to_string(i));
  EXPECT_EQ(listener->inspect(queue.name)->messages, 2u);
}

}  // namespace
}  // namespace tilecompile
