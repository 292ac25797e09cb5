#include "tilecompile/protocol/worker_note.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

TEST(WorkerNotes, ComeBackAsTheyWentAndNothingElseDoes) {
  const WorkerNote note{"barn-1", "barn", "2026-11-28T10:00:00.000Z", false, "input.dir /x is empty", 8};
  const std::string bytes = encode_worker_note(note);
  const WorkerNote back = decode_worker_note(bytes);
  EXPECT_EQ(back.worker_id, "barn-1");
  EXPECT_EQ(back.host, "barn");
  EXPECT_EQ(back.time, note.time);
  EXPECT_FALSE(back.fit);
  EXPECT_EQ(back.text, note.text);
  EXPECT_EQ(back.again_in_s, 8);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_THROW(decode_worker_note(bytes.substr(0, n)), InputError) << n;
}

TEST(WorkerNotes, OfOlderVersionsSayNothingOfFrames) {
  const std::string old = R"({"schema": 1, "worker_id": "w", "host": "h", "time": "2026-11-28T10:00:00.000Z",
    "fit": true, "text": "", "again_in_s": 0})";
  EXPECT_FALSE(decode_worker_note(old).frames);
}

TEST(WorkerNotes, TheNewestOfEachWorkerIsReadAndAllArePutBack) {
  MemoryBroker broker;
  const auto worker = broker.connect(), reader = broker.connect();
  EXPECT_TRUE(latest_worker_notes(*reader).empty()) << "there is no such queue";
  reader->declare(workers_queue_spec());
  leave_note(*worker, {"barn-1", "", "", false, "no frames here", 1});
  leave_note(*worker, {"barn-2", "", "", true, "", 0});
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  leave_note(*worker, {"barn-1", "", "", true, "", 0});
  for (int turn = 0; turn < 2; ++turn) {
    const auto notes = latest_worker_notes(*reader);
    ASSERT_EQ(notes.size(), 2u);
    EXPECT_TRUE(notes.at("barn-1").fit);
    EXPECT_TRUE(notes.at("barn-2").frames);
  }
}

// Between the end of a reader's consuming and its giving back, a queue shows neither notes nor consumers.
TEST(WorkerNotes, ThatAnotherIsReadingAreWaitedFor) {
  MemoryBroker broker;
  const auto worker = broker.connect(), holder = broker.connect(), reader = broker.connect();
  reader->declare(workers_queue_spec());
  leave_note(*worker, {"barn-1", "", "", true, "", 0});
  holder->consume(kWorkersQueue, 10);
  const auto held = holder->receive(std::chrono::seconds(10));
  ASSERT_TRUE(held);
  std::thread puts_back([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    holder->cancel(kWorkersQueue);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    holder->reject(held->tag, true);
  });
  EXPECT_EQ(latest_worker_notes(*reader).count("barn-1"), 1u);
  puts_back.join();
}

/// A user who may not read from queues.
struct Barred : ForwardingTransport {
  using ForwardingTransport::ForwardingTransport;
  void consume(const std::string& queue, int /*prefetch*/, bool /*exclusive*/) override {
    throw AccessRefused("access to queue '" + queue + "' refused");
  }
};

TEST(WorkerNotes, AreNoneForAUserWhoMayNotReadThem) {
  MemoryBroker broker;
  Barred reader(broker.connect());
  reader.declare(workers_queue_spec());
  leave_note(*broker.connect(), {"barn-1", "", "", true, "", 0});
  EXPECT_TRUE(latest_worker_notes(reader).empty());
}

TEST(WorkerNotes, AreLeftOnTheirQueueAndMissedByNobodyWhenThereIsNone) {
  MemoryBroker broker;
  const auto worker = broker.connect(), reader = broker.connect();
  leave_note(*worker, {"barn-1", "", "", true, "", 0});
  reader->declare(workers_queue_spec());
  leave_note(*worker, {"barn-1", "", "", true, "", 0});
  reader->consume(kWorkersQueue, 10);
  const auto delivery = reader->receive(std::chrono::seconds(5));
  ASSERT_TRUE(delivery);
  const WorkerNote note = decode_worker_note(delivery->message.body);
  EXPECT_TRUE(note.fit);
  EXPECT_FALSE(note.host.empty());
  EXPECT_FALSE(note.time.empty());
  EXPECT_FALSE(reader->receive(std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace tilecompile
