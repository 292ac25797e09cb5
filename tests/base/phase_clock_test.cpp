#include "tilecompile/base/phase_clock.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tilecompile {
namespace {

TEST(PhaseClock, AddsUpAPhaseThatComesAgainAndCountsNothingBetween) {
  using namespace std::chrono_literals;
  PhaseClock clock;
  clock.start("scan");
  std::this_thread::sleep_for(30ms);
  clock.start("analyse");
  clock.start("scan");
  std::this_thread::sleep_for(30ms);
  clock.stop();
  std::this_thread::sleep_for(30ms);
  clock.stop();
  ASSERT_EQ(clock.phases().size(), 2u);
  EXPECT_EQ(clock.phases()[0].name, "scan");
  EXPECT_EQ(clock.phases()[1].name, "analyse");
  EXPECT_GE(clock.phases()[0].seconds, 0.060);
  EXPECT_LT(clock.phases()[0].cpu_seconds, clock.phases()[0].seconds) << "it slept";
  const double seconds = clock.phases()[0].seconds;
  clock.start("analyse");
  EXPECT_EQ(clock.phases()[0].seconds, seconds);
}

}  // namespace
}  // namespace tilecompile
