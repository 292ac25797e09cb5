#include "dispatch/tasks_in_queue.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TasksInQueue with_tasks(int tasks) {
  TasksInQueue count;
  for (int i = 0; i < tasks; ++i) count.sent(std::to_string(i), 2);
  return count;
}

TEST(TasksInQueue, ATaskIsUnderWayUntilAllItsTilesAreAnswered) {
  TasksInQueue count = with_tasks(3);
  count.answered("0");
  EXPECT_EQ(count.under_way(), 3u);
  count.answered("0");
  EXPECT_EQ(count.under_way(), 2u);
  count.answered("0");
  count.answered("of another run");
  EXPECT_EQ(count.under_way(), 2u);
}

TEST(TasksInQueue, APurgeIsSeenAtTheSecondLook) {
  TasksInQueue count = with_tasks(100);
  EXPECT_FALSE(count.vanished(96, 2));  // two workers hold two each
  EXPECT_FALSE(count.vanished(0, 2));
  EXPECT_TRUE(count.vanished(0, 2));
  count.clear();
  for (int i = 0; i < 96; ++i) count.sent("again" + std::to_string(i), 2);
  EXPECT_FALSE(count.vanished(92, 2));
  EXPECT_FALSE(count.vanished(0, 2));
}

TEST(TasksInQueue, APurgeBeforeTheFirstWorkerToo) {
  TasksInQueue count = with_tasks(10);
  EXPECT_FALSE(count.vanished(10, 0));
  EXPECT_FALSE(count.vanished(0, 0));
  EXPECT_TRUE(count.vanished(0, 0));
}

TEST(TasksInQueue, TheEndOfARoundIsNoLoss) {
  TasksInQueue count = with_tasks(100);
  for (int done = 0; done <= 100; ++done) {
    const int ready = 96 - done;
    EXPECT_FALSE(count.vanished(static_cast<std::uint64_t>(ready > 0 ? ready : 0), 2)) << done;
    for (int tile = 0; tile < 2; ++tile) count.answered(std::to_string(done));
  }
}

TEST(TasksInQueue, WorkersThatJoinMayHoldAsMuchAsTheOthers) {
  TasksInQueue count = with_tasks(20);
  EXPECT_FALSE(count.vanished(18, 1));
  for (int look = 0; look < 5; ++look) EXPECT_FALSE(count.vanished(0, 10));
}

TEST(TasksInQueue, TheFirstWorkerMayTakeAllOfThem) {
  TasksInQueue count = with_tasks(6);
  EXPECT_FALSE(count.vanished(6, 0));
  for (int look = 0; look < 5; ++look) EXPECT_FALSE(count.vanished(0, 1));
}

TEST(TasksInQueue, AWorkerThatLeavesFinishesWhatItHolds) {
  TasksInQueue count = with_tasks(20);
  EXPECT_FALSE(count.vanished(10, 5));
  for (int done = 0; done < 10; ++done)
    for (int tile = 0; tile < 2; ++tile) count.answered(std::to_string(done));
  for (int look = 0; look < 5; ++look) EXPECT_FALSE(count.vanished(0, 1));
}

TEST(TasksInQueue, NothingIsSaidBeforeAnythingWasLearned) {
  TasksInQueue count = with_tasks(20);
  for (int look = 0; look < 5; ++look) EXPECT_FALSE(count.vanished(0, 3));
}

// Tasks of another run wait in front: fewer seem to be held than are.
TEST(TasksInQueue, AnErrorIsMadeOnce) {
  TasksInQueue count = with_tasks(6);
  EXPECT_FALSE(count.vanished(4, 2));
  int said = 0;
  for (int look = 0; look < 20; ++look) said += count.vanished(0, 2) ? 1 : 0;
  EXPECT_EQ(said, 1);
}

}  // namespace
}  // namespace tilecompile
