#include "tilecompile/base/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace tilecompile {
namespace {

TEST(ParallelFor, CallsEveryIndexOnce) {
  for (const int threads : {0, 1, 2, 5, 50}) {
    for (const int count : {0, 1, 3, 100}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      parallel_for(count, threads, [&](int i) { ++calls[static_cast<std::size_t>(i)]; });
      for (const auto& c : calls) EXPECT_EQ(c, 1) << threads << " " << count;
    }
  }
}

TEST(ParallelFor, UsesSeveralThreadsAtOnce) {
  // Every call waits for all the others: it ends only when as many threads as asked work at once.
  std::atomic<int> arrived{0};
  std::mutex mutex;
  std::set<std::thread::id> ids;
  parallel_for(3, 3, [&](int) {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      ids.insert(std::this_thread::get_id());
    }
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
  });
  EXPECT_EQ(ids.size(), 3u);
}

TEST(ParallelFor, ThrowsAfterAllHaveEndedAndStartsNoMore) {
  for (const int threads : {1, 4}) {
    std::atomic<int> calls{0}, running{0};
    try {
      parallel_for(10000, threads, [&](int i) {
        ++running;
        ++calls;
        if (i == 5) {
          --running;
          throw std::runtime_error("five");
        }
        --running;
      });
      FAIL() << "no exception";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "five");
    }
    EXPECT_EQ(running, 0);
    if (threads == 1) {
      EXPECT_EQ(calls, 6);
    }
  }
}

TEST(TwoAtOnce, RunSideBySideOrOneAfterTheOther) {
  for (const int threads : {1, 2}) {
    std::thread::id here, beside;
    two_at_once(
        threads, [&] { here = std::this_thread::get_id(); }, [&] { beside = std::this_thread::get_id(); });
    EXPECT_EQ(here, std::this_thread::get_id());
    EXPECT_EQ(beside == here, threads == 1);
  }
  std::atomic<bool> begun{false};
  two_at_once(
      2,
      [&] {
        while (!begun) std::this_thread::yield();
      },
      [&] { begun = true; });
}

TEST(TwoAtOnce, ThrowAfterBothHaveEnded) {
  for (const int threads : {1, 2}) {
    EXPECT_THROW(two_at_once(
                     threads, [] {}, [] { throw std::runtime_error("beside"); }),
                 std::runtime_error);
    std::atomic<bool> ended{false};
    EXPECT_THROW(two_at_once(
                     threads, [] { throw std::runtime_error("here"); }, [&] { ended = true; }),
                 std::runtime_error);
    EXPECT_EQ(ended, threads == 2);
  }
}

TEST(ThreadCount, ZeroMeansOneACore) {
  EXPECT_EQ(thread_count(7), 7);
  EXPECT_GE(thread_count(0), 1);
}

}  // namespace
}  // namespace tilecompile
