#include "tilecompile/dispatch/worker_book.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

ResultMessage failure(const std::string& worker, const std::string& text) {
  ResultMessage result;
  result.worker_id = worker;
  result.failure = TileFailure{ErrorKind::kTransient, text};
  return result;
}

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(WorkerBook, FourHundredFailuresOfAKindAreOneLineAndAllAreCounted) {
  configure_log(LogLevel::kInfo, false);
  WorkerBook book;
  testing::internal::CaptureStderr();
  for (int i = 0; i < 400; ++i)
    book.failed(failure("bad", "tile " + std::to_string(i) + ": no space left"), "a tile is tried again", 2);
  book.failed(failure("bad", "the frame is gone"), "a tile is tried again", 2);
  book.failed(failure("worse", "the frame is gone"), "a tile is tried again", 2);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines(log), 3u) << log;
  EXPECT_EQ(book.workers().at("bad").failures, 401);
  EXPECT_EQ(book.workers().at("bad").last_failure, "the frame is gone");
  EXPECT_EQ(book.failures(), 402);
  ASSERT_NE(book.latest_failure(), nullptr);
  EXPECT_EQ(book.latest_failure()->worker_id, "worse");
  EXPECT_EQ(book.failures_since_done(), 402);
  book.forget_failures();
  EXPECT_EQ(book.failures_since_done(), 0);
}

TEST(WorkerBook, RejectedResultsAreToldEverMoreRarely) {
  configure_log(LogLevel::kInfo, false);
  WorkerBook book;
  testing::internal::CaptureStderr();
  int told = 0;
  for (int i = 0; i < 1000; ++i) told += book.rejected("liar", "no such tile") ? 1 : 0;
  EXPECT_EQ(lines(testing::internal::GetCapturedStderr()), 10u);
  EXPECT_EQ(told, 10);
  EXPECT_EQ(book.workers().at("liar").rejected, 1000);
}

TEST(WorkerBook, NotesThatComeAgainAreNoNews) {
  WorkerBook book;
  WorkerNote note{"w", "host", "2026-01-01T00:00:01.000Z", false, "input.dir is empty", 1};
  EXPECT_TRUE(book.note(note));
  EXPECT_FALSE(book.note(note));
  EXPECT_EQ(book.who_rests(), "w: input.dir is empty");
  const WorkerNote old = note;
  note.time = "2026-01-01T00:00:02.000Z";
  EXPECT_FALSE(book.note(note)) << "the same again";
  note.time = "2026-01-01T00:00:03.000Z";
  note.fit = true;
  EXPECT_TRUE(book.note(note));
  EXPECT_FALSE(book.note(old));
  EXPECT_EQ(book.who_rests(), "");
}

TEST(WorkerBook, BytesReadGrowAndAreDigitsOrNothing) {
  WorkerBook book;
  for (const char* said : {"70", "", "-1", "1e9", "9999999999999999999999", "20"}) book.read("a", said);
  EXPECT_EQ(book.workers().at("a").bytes_read, 70);
  book.read("a", "71");
  EXPECT_EQ(book.workers().at("a").bytes_read, 71);
}

}  // namespace
}  // namespace tilecompile
