// How long a round waits for workers that hold tiles and do not answer, and for a journal.
#include <deque>

#include "court.hpp"
#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/task_message.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

TEST(TileJudge, AWorkerThatTakesAndNeverAnswersIsWaitedForOnce) {
  WholeNight night;
  Court court(night);
  night.job.lease_factor = 4;
  night.job.stall_after_s = 0.3;
  const auto greedy = court.connect();
  greedy->consume(kComputeQueue, 5);
  auto run = court.start();
  EXPECT_TRUE(comes_true([&] { return court.events().find("tasks_published") != std::string::npos; }));
  court.add_worker("honest-1");
  court.end(run);
  EXPECT_NE(court.events().find("sent_"), std::string::npos);
  EXPECT_TRUE(court.book.distrusted().empty());
}

TEST(TileJudge, WithoutAnotherWorkerTheMasterDoesWhatAFrozenOneHolds) {
  WholeNight night;
  Court court(night);
  night.job.lease_factor = 4;
  night.job.stall_after_s = 0.1;
  const auto frozen = court.connect();
  frozen->consume(kComputeQueue, 1000);
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.own_tiles, static_cast<int>(court.honest.size()));
}

/// Counts what the master's own computation has answered.
class Counted : public OwnTiles {
 public:
  explicit Counted(OwnTiles& inner) : inner_(inner) {}
  void ask(const TileTask& task, bool afresh) override { inner_.ask(task, afresh); }
  std::optional<OwnTile> answer() override {
    auto own = inner_.answer();
    if (own) ++answers;
    return own;
  }
  OwnTile compute(const TileTask& task) override { return inner_.compute(task); }
  std::atomic<int> answers{0};

 private:
  OwnTiles& inner_;
};

TEST(TileJudge, AnOwnTileWaitsForAJournalThatCannotBeWritten) {
  WholeNight night;
  Court court(night);
  night.job.lease_factor = 4;
  night.job.stall_after_s = 0.1;
  Counted own(*court.own);
  court.own = &own;
  const auto frozen = court.connect();
  frozen->consume(kComputeQueue, 1000);
  const std::filesystem::path journal = night.folder() / "out" / night.run_id / "journal.jsonl";
  std::filesystem::rename(journal, night.folder() / "away");
  auto run = court.start();
  EXPECT_TRUE(comes_true([&] { return own.answers > 0; }));
  EXPECT_EQ(run.wait_for(1s), std::future_status::timeout) << "it has ended over the journal";
  EXPECT_NE(court.events().find("\"state\":\"output folder cannot be written\""), std::string::npos);
  std::filesystem::rename(night.folder() / "away", journal);
  court.end(run);
}

TEST(TileJudge, PurgedTasksAreSentAgainWithinSeconds) {
  WholeNight night;
  Court court(night);
  night.job.lease_factor = 4;
  night.job.stall_after_s = 600;  // it is not the silence that tells
  night.job.audit_percent = 0;
  auto slow_store = std::make_unique<FaultyStore>(*night.store, [](const std::string& key) {
    if (key.find("/tiles/") != std::string::npos) std::this_thread::sleep_for(300ms);
  });
  std::atomic<bool> stop{false};
  RunContexts runs = night.contexts();
  const auto slow = court.connect();
  auto serving = std::async(std::launch::async, [&] {
    run_worker(*slow, *slow_store, runs, {"w", 1, 1}, stop);
  });
  auto run = court.start();
  ASSERT_TRUE(comes_true([&] { return court.looks > 1; }));  // one before tasks are sent, and one after
  const auto thief = court.connect();
  thief->consume(kComputeQueue, 1000);
  while (const auto task = thief->receive(100ms)) thief->ack(task->tag);
  thief->cancel(kComputeQueue);
  EXPECT_TRUE(comes_true([&] { return court.events().find("tasks_sent_again") != std::string::npos; }));
  court.end(run);
  stop = true;
  serving.get();
}

}  // namespace
}  // namespace tilecompile
