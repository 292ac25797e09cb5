#include "tilecompile/coadd/second_audits.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using Answer = SecondAudits::Answer;
using Names = std::vector<std::string>;

/// A ledger with tile 0 done by worker "a", and the audits of it.
class SecondAuditsOf : public testing::Test {
 protected:
  SecondAuditsOf() {
    ledger_.offer(result("a", ""));
    ledger_.audit(0);
    book_.heard("b", 0);
    book_.audited("b", "master", true);
  }
  static ResultMessage result(const std::string& worker, const std::string& task) {
    ResultMessage r;
    r.run_id = "run";
    r.worker_id = worker;
    r.correlation_id = task;
    r.data_checksum = "right";
    return r;
  }
  static ResultMessage refusal(const std::string& worker, const std::string& task) {
    ResultMessage r = result(worker, task);
    r.data_checksum.clear();
    r.failure = TileFailure{ErrorKind::kTransient, "not begun"};
    r.hand_back = HandBack::kStopping;
    return r;
  }
  bool ask(double now_s = 1) { return audits_.ask(ledger_.tile(0).result, now_s); }

  TileLedger ledger_{"run", 1};
  TrustBook book_;
  std::vector<Names> asked_;
  SecondAudits audits_{ledger_, book_, [this](int, const Names& not_by) {
                         asked_.push_back(not_by);
                         return "task-" + std::to_string(asked_.size());
                       }};
};

TEST_F(SecondAuditsOf, TheSameTileOfAConfirmedWorkerEndsIt) {
  ASSERT_TRUE(ask());
  EXPECT_EQ(asked_, std::vector<Names>{Names{"a"}});
  EXPECT_EQ(audits_.take(result("b", "another task"), 2), Answer::kForeign);
  ResultMessage begun = result("b", "task-1");
  begun.begun = true;
  EXPECT_EQ(audits_.take(begun, 2), Answer::kWaits);
  EXPECT_EQ(audits_.take(result("b", "task-1"), 2), Answer::kAgrees);
  EXPECT_EQ(audits_.take(result("b", "task-1"), 2), Answer::kForeign) << "it is over";
}

TEST_F(SecondAuditsOf, NobodyIsAskedWhereNobodyCanBeBelieved) {
  book_.distrust("b", "why");
  EXPECT_FALSE(ask());
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SecondAuditsOf, ItsOwnWordAndThatOfStrangersAreNone) {
  for (const char* who : {"a", "stranger"}) {
    ASSERT_TRUE(ask());
    const std::string task = "task-" + std::to_string(asked_.size());
    EXPECT_EQ(audits_.take(result(who, task), 2), Answer::kNobody) << who;
  }
}

TEST_F(SecondAuditsOf, AnotherTileIsToldUntilItIsForgotten) {
  ASSERT_TRUE(ask());
  ResultMessage other = result("b", "task-1");
  other.data_checksum = "wrong";
  EXPECT_EQ(audits_.take(other, 2), Answer::kContradicts);
  EXPECT_TRUE(audits_.forget(0));
  EXPECT_FALSE(audits_.forget(0));
}

TEST_F(SecondAuditsOf, WhatIsHandedBackGoesToOthersAFewTimes) {
  ASSERT_TRUE(ask());
  for (int turn = 1; turn < SecondAudits::kMostTries; ++turn)
    EXPECT_EQ(audits_.take(refusal("a", "task-" + std::to_string(turn)), 2), Answer::kWaits) << turn;
  const std::string last = "task-" + std::to_string(SecondAudits::kMostTries);
  EXPECT_EQ(audits_.take(refusal("a", last), 2), Answer::kNobody);
  EXPECT_EQ(asked_.size(), static_cast<std::size_t>(SecondAudits::kMostTries));
}

TEST_F(SecondAuditsOf, OneThatNeverAnswersIsToldOnce) {
  ASSERT_TRUE(ask());
  EXPECT_TRUE(audits_.overdue(20, 30).empty());
  EXPECT_EQ(audits_.overdue(40, 30), std::vector<int>{0});
  EXPECT_TRUE(audits_.overdue(40, 30).empty());
}

}  // namespace
}  // namespace tilecompile
