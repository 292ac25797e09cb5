#include "tilecompile/base/retry_schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace tilecompile {
namespace {

TEST(RetrySchedule, WaitsGrowByTheFactorUpToTheCap) {
  const RetryPolicy policy{8, 10, 3, 200, 3};
  for (int task = 0; task < 50; ++task) {
    double plain = 10;
    for (int attempt = 1; attempt < 8; ++attempt, plain = std::min(plain * 3, 200.0)) {
      const int delay = retry_delay_s(policy, "task " + std::to_string(task), attempt);
      EXPECT_GE(delay, 0.78 * plain - 0.5) << attempt;
      EXPECT_LE(delay, std::min(1.22 * plain + 0.5, 200.0)) << attempt;
    }
  }
}

TEST(RetrySchedule, TheWaitComesFromTaskAndAttemptAlone) {
  const RetryPolicy policy{5, 100, 2, 10000, 3};
  std::set<int> waits;
  for (int task = 0; task < 64; ++task) {
    const std::string name = "task " + std::to_string(task);
    EXPECT_EQ(retry_delay_s(policy, name, 2), retry_delay_s(policy, name, 2));
    waits.insert(retry_delay_s(policy, name, 2));
  }
  EXPECT_EQ(waits, (std::set<int>{158, 186, 214, 242}));
}

TEST(RetrySchedule, EveryWaitHasItsRung) {
  for (const RetryPolicy& policy : {RetryPolicy{}, RetryPolicy{4, 0, 3, 10, 3}, RetryPolicy{1, 2, 3, 300, 3},
                                    RetryPolicy{20, 0.3, 1, 1, 3}, RetryPolicy{100, 1, 10, 3600, 3}}) {
    const auto rungs = retry_rungs(policy);
    EXPECT_TRUE(std::is_sorted(rungs.begin(), rungs.end()));
    EXPECT_FALSE(std::binary_search(rungs.begin(), rungs.end(), 0)) << "what does not wait needs no rung";
    for (int attempt = 1; attempt < policy.max_attempts; ++attempt)
      for (int task = 0; task < 20; ++task)
        if (const int wait = retry_delay_s(policy, std::to_string(task), attempt); wait > 0) {
          EXPECT_TRUE(std::binary_search(rungs.begin(), rungs.end(), wait)) << wait;
        }
  }
  EXPECT_EQ(retry_rungs(RetryPolicy{1, 2, 3, 300, 3}), std::vector<int>{});
}

}  // namespace
}  // namespace tilecompile
