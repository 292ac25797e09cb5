#include "worker/tasks_in_hand.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using Standing = TasksInHand::Standing;

Delivery delivery(std::uint64_t tag, bool redelivered = false, std::uint64_t connection = 1) {
  Delivery d;
  d.tag = {connection, tag};
  d.redelivered = redelivered;
  return d;
}

TEST(TasksInHand, ATaskThatComesAgainWhileItIsComputedEndsWithIt) {
  TasksInHand hand;
  EXPECT_EQ(hand.take("a", delivery(1)), Standing::kNew);
  EXPECT_EQ(hand.take("a", delivery(2, true, 2)), Standing::kHeld);
  const auto ended = hand.finish({1, 1}, true);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended[0].connection, 1u);
  EXPECT_EQ(ended[1].connection, 2u);
  EXPECT_EQ(hand.take("a", delivery(3, true, 3)), Standing::kAnswered);
}

TEST(TasksInHand, ATaskOfAnotherWorkerAndOneThatWasGivenBackAreForeign) {
  TasksInHand hand;
  EXPECT_EQ(hand.take("a", delivery(1, true)), Standing::kForeign);
  EXPECT_EQ(hand.finish({1, 1}, true).size(), 1u);
  EXPECT_EQ(hand.take("a", delivery(2, true)), Standing::kForeign) << "it was not this worker that had it";
  EXPECT_EQ(hand.take("b", delivery(3)), Standing::kNew);
  hand.finish({1, 3}, false);
  EXPECT_EQ(hand.take("b", delivery(4, true)), Standing::kForeign);
}

TEST(TasksInHand, TheSameTaskSentTwiceIsComputedTwice) {
  TasksInHand hand;
  EXPECT_EQ(hand.take("a", delivery(1)), Standing::kNew);
  EXPECT_EQ(hand.take("a", delivery(2)), Standing::kNew);
  EXPECT_EQ(hand.finish({1, 2}, true).size(), 1u);
  EXPECT_EQ(hand.finish({1, 1}, true).size(), 1u);
}

TEST(TasksInHand, AnswersAreNotRememberedForEver) {
  TasksInHand hand;
  for (std::uint64_t i = 1; i <= 3000; ++i) {
    hand.take(std::to_string(i), delivery(i));
    hand.finish({1, i}, true);
  }
  EXPECT_EQ(hand.take("1", delivery(4000, true)), Standing::kForeign);
  EXPECT_EQ(hand.take("3000", delivery(4001, true)), Standing::kAnswered);
}

}  // namespace
}  // namespace tilecompile
