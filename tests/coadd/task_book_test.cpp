#include "tilecompile/coadd/task_book.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

constexpr TaskBook::Lease kLease{4, 10, 50};

/// Tasks "t0", "t1", ... of one tile each.
TaskBook sent(int tasks) {
  TaskBook book;
  for (int i = 0; i < tasks; ++i) book.sent("t" + std::to_string(i), 1, i, 0, 1);
  return book;
}

TEST(TaskBook, AnAnswerCountsForTilesThatWereAskedAtTheirAttempt) {
  TaskBook book;
  book.sent("a", 2, 5, 0, 1);
  book.sent("a", 2, 6, 0, 1);
  EXPECT_TRUE(book.asked("a", 2, 5));
  EXPECT_TRUE(book.asked("a", 2, 6));
  EXPECT_FALSE(book.asked("a", 2, 7));
  EXPECT_FALSE(book.asked("a", 1, 5));
  EXPECT_FALSE(book.asked("b", 2, 5));
  EXPECT_EQ(book.under_way(), 1u);
  book.answered("a", 5, true, 1);
  book.answered("a", 6, true, 2);
  EXPECT_EQ(book.under_way(), 0u);
  EXPECT_TRUE(book.asked("a", 2, 5)) << "a repeated answer still counts";
  book.remember("old", 1, {3, 4});
  EXPECT_TRUE(book.asked("old", 1, 4));
  EXPECT_EQ(book.under_way(), 0u);
}

TEST(TaskBook, TheOldestTasksThatDoNotWaitOnTheQueueAreLeased) {
  TaskBook book = sent(4);
  EXPECT_EQ(book.look(3, 1, 100), 0u);  // t0 is with a worker
  EXPECT_TRUE(book.overdue(kLease, 149).empty());
  ASSERT_EQ(book.overdue(kLease, 151).size(), 1u) << "the first lease is longer";
  EXPECT_EQ(book.overdue(kLease, 151)[0].id, "t0");
  book.answered("t0", 0, true, 102);  // it took 2 s: from now on 10 s are allowed
  book.look(2, 1, 102);
  EXPECT_TRUE(book.overdue(kLease, 111).empty());
  ASSERT_EQ(book.overdue(kLease, 113).size(), 1u);
  EXPECT_EQ(book.overdue(kLease, 113)[0].id, "t1");
}

TEST(TaskBook, EveryTileThatIsAnsweredProlongsTheLeaseAndEveryIssueDoublesIt) {
  TaskBook book = sent(1);
  book.look(0, 1, 0);
  book.answered("t0", 0, true, 1);
  book.sent("long", 1, 1, 0, 1);
  book.sent("long", 1, 2, 0, 1);
  book.look(0, 1, 10);
  book.answered("long", 1, false, 15);  // begun
  EXPECT_TRUE(book.overdue(kLease, 24).empty());
  book.answered("long", 1, true, 19);
  EXPECT_TRUE(book.overdue(kLease, 28).empty());
  EXPECT_EQ(book.overdue(kLease, 30).size(), 1u);
  book.drop("long");
  book.sent("again", 1, 2, 0, 2);
  book.look(0, 1, 30);
  EXPECT_TRUE(book.overdue(kLease, 49).empty());
  EXPECT_EQ(book.overdue(kLease, 51).size(), 1u);
}

TEST(TaskBook, TheMedianOfTheTasksMakesTheLimit) {
  TaskBook book = sent(9);
  book.look(0, 3, 0);
  for (int i = 0; i < 9; ++i) book.answered("t" + std::to_string(i), i, true, i < 5 ? 20 : 1000);
  EXPECT_EQ(book.limit_s(kLease), 80);
  EXPECT_EQ(TaskBook().limit_s(kLease), 50);
}

TEST(TaskBook, TasksOnTheLadderAreNotMissed) {
  TaskBook book;
  book.sent("later", 2, 0, 100, 1);
  book.look(0, 1, 50);
  EXPECT_TRUE(book.overdue(kLease, 99).empty());
  book.look(0, 1, 101);
  EXPECT_TRUE(book.overdue(kLease, 150).empty());
  EXPECT_EQ(book.overdue(kLease, 152).size(), 1u);
}

TEST(TaskBook, APurgeIsSeenInTwoLooksAndNamesWhatNoWorkerHolds) {
  TaskBook book = sent(100);
  EXPECT_EQ(book.look(92, 2, 1), 0u);  // two workers hold eight
  for (int i = 0; i < 20; ++i) book.answered("t" + std::to_string(i), i, true, 2);
  EXPECT_EQ(book.look(72, 2, 3), 0u);
  EXPECT_EQ(book.look(0, 2, 5), 0u);  // purged; answers could be on their way
  EXPECT_EQ(book.look(0, 2, 7), 72u);
  const auto missing = book.missing(72);
  ASSERT_EQ(missing.size(), 72u);
  EXPECT_EQ(missing.front().id, "t28");
  EXPECT_EQ(missing.back().id, "t99");
}

TEST(TaskBook, ANewWorkerThatTakesTheRestIsNoPurge) {
  TaskBook book = sent(20);
  book.look(16, 1, 1);
  EXPECT_EQ(book.look(0, 2, 3), 0u);
  EXPECT_EQ(book.look(0, 2, 5), 0u);
  EXPECT_EQ(book.look(0, 2, 7), 0u);
}

TEST(TaskBook, SlowAnswersAreNoPurge) {
  TaskBook book = sent(40);
  for (int look = 0; look < 10; ++look) EXPECT_EQ(book.look(32, 2, look), 0u);
  for (int i = 0; i < 40; ++i) {
    book.answered("t" + std::to_string(i), i, true, 10 + i);
    const std::size_t left = static_cast<std::size_t>(39 - i);
    EXPECT_EQ(book.look(left > 8 ? left - 8 : 0, 2, 10 + i), 0u) << i;
  }
}

TEST(TaskBook, TheLastTasksAreGivenOutASecondTimeAndNoThird) {
  TaskBook book = sent(3);
  book.look(1, 2, 0);
  book.answered("t0", 0, true, 4);
  EXPECT_TRUE(book.last_ones(100, 1).empty()) << "a task still waits for a worker";
  book.look(0, 2, 4);
  EXPECT_TRUE(book.last_ones(4, 1).empty()) << "nothing takes longer than usual";
  auto last = book.last_ones(6, 1);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].id, "t1");
  EXPECT_EQ(book.last_ones(9, 1).size(), 1u);  // t2
  EXPECT_TRUE(book.last_ones(100, 1).empty());
  book.drop("t1");
  book.sent("second", 1, 1, 0, 2);
  book.look(0, 2, 100);
  EXPECT_TRUE(book.last_ones(107, 1).empty()) << "one that was issued twice has twice the time";
  EXPECT_EQ(book.last_ones(109, 1).size(), 1u) << "whoever holds it may be the one that never answers";
  EXPECT_TRUE(book.last_ones(1000, 1).empty());
}

TEST(TaskBook, AsManyOfTheLastOnesAsThereAreWorkers) {
  TaskBook book = sent(4);
  book.look(0, 3, 0);
  book.answered("t0", 0, true, 4);
  const auto last = book.last_ones(6, 2);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0].id, "t1");
  EXPECT_EQ(last[1].id, "t2");
  EXPECT_EQ(book.last_ones(6, 2).size(), 1u);
}

}  // namespace
}  // namespace tilecompile
