#include "tilecompile/frame/weight_limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace tilecompile {
namespace {

double sum(const std::vector<double>& w) { return std::accumulate(w.begin(), w.end(), 0.0); }

TEST(LimitShares, BringsTheLargestToItsShareOfWhatIsThen) {
  std::vector<double> weights(30, 1);
  weights[7] = 40;
  // L = 0.2 (29 + L)
  EXPECT_DOUBLE_EQ(limit_shares(weights, 0.2), 7.25);
  EXPECT_DOUBLE_EQ(weights[7], 7.25);
  EXPECT_DOUBLE_EQ(weights[7] / sum(weights), 0.2);
  EXPECT_EQ(weights[6], 1);
  EXPECT_EQ(at_share_limit(weights, 0.2), std::vector<std::size_t>{7});
}

TEST(LimitShares, HoldsSeveralAtOneValueWhateverTheirOrder) {
  std::vector<double> weights(30, 1);
  weights[3] = 500;
  weights[20] = 20;
  std::vector<double> reversed(weights.rbegin(), weights.rend());
  // L = 0.2 (28 + 2 L)
  EXPECT_DOUBLE_EQ(limit_shares(weights, 0.2), 0.2 * 28 / 0.6);
  EXPECT_EQ(weights[3], weights[20]);
  limit_shares(reversed, 0.2);
  std::reverse(reversed.begin(), reversed.end());
  EXPECT_EQ(reversed, weights);
  EXPECT_EQ(at_share_limit(weights, 0.2), (std::vector<std::size_t>{3, 20}));
}

TEST(LimitShares, LeavesEveryBitWhereItDoesNotAct) {
  std::vector<double> weights(30, 1);
  weights[7] = 7.25;
  const std::vector<double> before = weights;
  EXPECT_EQ(limit_shares(weights, 0.2), 0);
  EXPECT_EQ(weights, before);
  weights[7] = 1000;
  EXPECT_EQ(limit_shares(weights, 0), 0) << "off";
  EXPECT_EQ(weights[7], 1000);
  std::vector<double> few(19, 1);
  few[0] = 1000;
  EXPECT_EQ(limit_shares(few, 0.2), 0) << "fewer than 20";
  EXPECT_EQ(at_share_limit(few, 0.2), std::vector<std::size_t>{});
  few.push_back(1);
  EXPECT_GT(limit_shares(few, 0.2), 0);
}

TEST(LimitShares, AShareBelowThatOfEqualWeightsMakesThemEqual) {
  std::vector<double> weights(30, 1);
  weights[7] = 3;
  limit_shares(weights, 0.01);
  EXPECT_EQ(weights, std::vector<double>(30, 1));
  std::vector<double> zeros(30, 0);
  EXPECT_EQ(limit_shares(zeros, 0.2), 0);
}

TEST(LimitUnmeasured, GivesAtMostTheMedianOfTheMeasured) {
  std::vector<double> weights = {1, 2, 3, 50, 0.5};
  limit_unmeasured(weights, {true, true, true, false, false});
  EXPECT_EQ(weights, (std::vector<double>{1, 2, 3, 2, 0.5}));
  std::vector<double> unknown = {4, 5};
  limit_unmeasured(unknown, {false, false});
  EXPECT_EQ(unknown, (std::vector<double>{4, 5}));
}

}  // namespace
}  // namespace tilecompile
