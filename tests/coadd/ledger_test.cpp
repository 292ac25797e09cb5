#include "tilecompile/coadd/ledger.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

ResultMessage result(const std::string& run, int tile, const std::string& checksum,
                     const std::string& worker = "w1") {
  ResultMessage r;
  r.run_id = run;
  r.tile_id = tile;
  r.data_checksum = checksum;
  r.worker_id = worker;
  return r;
}

using Verdict = TileLedger::Verdict;

TEST(TileLedger, FirstResultCountsAndItsRepeatIsSilent) {
  TileLedger ledger("run", 2);
  EXPECT_FALSE(ledger.is_done(0));
  EXPECT_EQ(ledger.offer(result("run", 0, "aa")), Verdict::kAccepted);
  EXPECT_EQ(ledger.offer(result("run", 0, "aa", "w2")), Verdict::kDuplicate);
  EXPECT_EQ(ledger.done(), 1);
  EXPECT_FALSE(ledger.complete());
  EXPECT_EQ(ledger.tile(0).result.worker_id, "w1");
  EXPECT_EQ(ledger.offer(result("run", 1, "bb")), Verdict::kAccepted);
  EXPECT_TRUE(ledger.complete());
}

TEST(TileLedger, AnotherChecksumIsAConflictAndChangesNothing) {
  TileLedger ledger("run", 1);
  ledger.offer(result("run", 0, "aa"));
  EXPECT_EQ(ledger.offer(result("run", 0, "ab", "w2")), Verdict::kConflict);
  EXPECT_EQ(ledger.tile(0).result.data_checksum, "aa");
  EXPECT_EQ(ledger.done(), 1);
}

TEST(TileLedger, OtherRunsAndTilesAreForeign) {
  TileLedger ledger("run", 3);
  EXPECT_EQ(ledger.offer(result("other", 0, "aa")), Verdict::kForeign);
  for (const int tile : {-1, 3, 1 << 30})
    EXPECT_EQ(ledger.offer(result("run", tile, "aa")), Verdict::kForeign);
  EXPECT_EQ(ledger.done(), 0);
  EXPECT_FALSE(ledger.is_done(0));
}

using Phase = TileLedger::Phase;
using Step = TileLedger::Step;

/// An answer of worker `who` to the task that asks for tile 0.
ResultMessage answer(const TileLedger& ledger, const std::string& who = "w1") {
  ResultMessage r;
  r.run_id = "run";
  r.correlation_id = ledger.tile(0).task;
  r.worker_id = who;
  return r;
}
ResultMessage failure(const TileLedger& ledger, ErrorKind kind, const std::string& who = "w1") {
  ResultMessage r = answer(ledger, who);
  r.failure = TileFailure{kind, "no space left"};
  return r;
}
ResultMessage back(const TileLedger& ledger, HandBack why) {
  ResultMessage r = failure(ledger, ErrorKind::kTransient);
  r.hand_back = why;
  return r;
}

/// A ledger of two tiles whose tile 0 was sent as task "t0" over connection 7.
struct Sent {
  TileLedger ledger{"run", 2, RetryPolicy{3, 10, 3, 100, 2}};
  int tasks = 0;
  Sent() { send(); }
  void send(std::uint64_t connection = 7) { ledger.sent(0, "t" + std::to_string(tasks++), connection); }
};

TEST(TileLedger, ATransientFailureWaitsLongerEveryTimeUntilTheAttemptsRunOut) {
  Sent s;
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kSent);
  EXPECT_EQ(s.ledger.failed(failure(s.ledger, ErrorKind::kTransient)), Step::kSendAgain);
  EXPECT_EQ(s.ledger.tile(0).attempt, 2);
  EXPECT_EQ(s.ledger.tile(0).wait_s, retry_delay_s({3, 10, 3, 100, 2}, "t0", 1));
  EXPECT_TRUE(s.ledger.is_open(0));
  s.send();
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kWaiting);
  EXPECT_EQ(s.ledger.failed(failure(s.ledger, ErrorKind::kTransient)), Step::kSendAgain);
  s.send();
  EXPECT_EQ(s.ledger.failed(failure(s.ledger, ErrorKind::kTransient)), Step::kGiveUp);
  s.ledger.fail(0);
  EXPECT_EQ(s.ledger.failed(), 1);
  EXPECT_EQ(s.ledger.offer(result("run", 0, "late")), Verdict::kAccepted) << "a late result still counts";
  EXPECT_EQ(s.ledger.failed(), 0);
}

TEST(TileLedger, AnImpossibleStateIsGivenUpAtOnce) {
  Sent s;
  EXPECT_EQ(s.ledger.failed(failure(s.ledger, ErrorKind::kContract)), Step::kGiveUp);
}

TEST(TileLedger, WrongInputHasToBeSaidTwice) {
  for (const ErrorKind kind : {ErrorKind::kInput, ErrorKind::kUsage})
    for (const char* second : {"w1", "w2"}) {
      Sent s;
      EXPECT_EQ(s.ledger.failed(failure(s.ledger, kind)), Step::kSendAgain);
      s.send();
      EXPECT_EQ(s.ledger.failed(failure(s.ledger, kind, second)), Step::kGiveUp) << second;
    }
  TileLedger alone("run", 1, RetryPolicy{3, 10, 3, 100, 2}, 1);
  alone.sent(0, "t0", 7);
  EXPECT_EQ(alone.failed(failure(alone, ErrorKind::kInput)), Step::kGiveUp) << "nobody else could say it";
}

TEST(TileLedger, WorkersThatHaveNeverWorkedAreNotBelieved) {
  TileLedger ledger("run", 2, RetryPolicy{4, 10, 3, 100, 2});
  for (int bad = 1; bad <= 3; ++bad) {
    ledger.sent(0, "task " + std::to_string(bad), 7);
    EXPECT_EQ(ledger.failed(failure(ledger, ErrorKind::kInput, "bad " + std::to_string(bad)), false),
              Step::kSendAgain);
  }
  ledger.offer(result("run", 1, "bb", "good"));
  for (int bad = 4; bad <= 7; ++bad) {
    ledger.sent(0, "task " + std::to_string(bad), 7);
    EXPECT_EQ(ledger.failed(failure(ledger, ErrorKind::kTransient, "bad " + std::to_string(bad)), false),
              bad == 7 ? Step::kGiveUp : Step::kSendAgain)
        << "but a run in which nothing else gets done ends";
  }
}

TEST(TileLedger, OneWorkerUsesUpOneAttemptAsLongAsOthersGetOn) {
  TileLedger ledger("run", 12, RetryPolicy{3, 10, 3, 100, 2});
  const auto fail = [&](const std::string& who) {
    const Step step = ledger.failed(failure(ledger, ErrorKind::kTransient, who));
    ledger.sent(0, "after " + std::to_string(ledger.tile(0).attempt), 7);
    return step;
  };
  ledger.sent(0, "first", 7);
  for (int other = 1; other < 10; ++other) {
    EXPECT_EQ(fail("bad"), Step::kSendAgain) << other;
    EXPECT_LE(ledger.tile(0).wait_s, 100);
    ledger.offer(result("run", other, "bb", "good"));
  }
  EXPECT_EQ(ledger.tile(0).failed_on, std::vector<std::string>{"bad"});
  EXPECT_EQ(fail("worse"), Step::kSendAgain);
  EXPECT_EQ(fail("worst"), Step::kGiveUp) << "three workers cannot all be wrong";
}

TEST(TileLedger, OnlyTheLatestTaskOfATileIsHeard) {
  Sent s;
  const ResultMessage old_failure = failure(s.ledger, ErrorKind::kInput);
  const ResultMessage old_back = back(s.ledger, HandBack::kRedelivered);
  s.ledger.reopen_all();
  EXPECT_EQ(s.ledger.failed(old_failure), Step::kNothing) << "no task asks for it now";
  s.send();
  EXPECT_EQ(s.ledger.failed(old_failure), Step::kNothing);
  EXPECT_EQ(s.ledger.handed_back(old_back, 7), Step::kNothing);
  s.ledger.begun(old_failure, "w1 at noon", 7);
  EXPECT_EQ(s.ledger.tile(0).holder, "");
  s.ledger.reopen(0, "t0");
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kSent);
  s.ledger.reopen(0, "t1");
  EXPECT_TRUE(s.ledger.is_open(0));
}

TEST(TileLedger, AWorkerThatStopsCostsNoAttemptAndTheFourthTimeInARowWaits) {
  Sent s;
  for (int turn = 1; turn <= 4; ++turn) {
    EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kStopping), 7), Step::kSendAgain);
    EXPECT_EQ(s.ledger.tile(0).attempt, 1);
    EXPECT_EQ(s.ledger.tile(0).wait_s > 0, turn == 4) << turn;
    EXPECT_EQ(s.ledger.tile(0).care, TaskCare::kNone);
    s.send();
  }
}

TEST(TileLedger, ATileOverWhichWorkersDieIsComputedAloneAndGivenUp) {
  Sent s;
  EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kRedelivered), 7), Step::kSendAgain);
  EXPECT_EQ(s.ledger.tile(0).care, TaskCare::kAnnounce);
  EXPECT_TRUE(s.ledger.tile(0).deaths.empty()) << "nobody knows whether it was begun";
  s.send();
  s.ledger.begun(answer(s.ledger), "w1 at noon", 7);
  EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kRedelivered), 7), Step::kSendAgain);
  EXPECT_EQ(s.ledger.tile(0).care, TaskCare::kAlone);
  // The same news twice is one death.
  EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kRedelivered), 7), Step::kNothing);
  EXPECT_EQ(s.ledger.tile(0).deaths, std::vector<std::string>{"w1 at noon"});
  s.send();
  s.ledger.begun(answer(s.ledger, "w2"), "w2 at night", 7);
  EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kRedelivered), 7), Step::kGiveUp);
  EXPECT_EQ(s.ledger.tile(0).deaths, (std::vector<std::string>{"w1 at noon", "w2 at night"}));
}

TEST(TileLedger, TenRestartsOfTheBrokerCountAgainstNoTile) {
  Sent s;
  for (std::uint64_t connection = 8; connection < 18; ++connection) {
    s.ledger.begun(answer(s.ledger), "w1 at noon", connection - 1);
    EXPECT_EQ(s.ledger.handed_back(back(s.ledger, HandBack::kRedelivered), connection), Step::kSendAgain);
    EXPECT_TRUE(s.ledger.tile(0).deaths.empty());
    EXPECT_EQ(s.ledger.tile(0).care, TaskCare::kNone);
    s.send(connection);
  }
}

TEST(TileLedger, CountsTilesThatAreNotAskedForApart) {
  TileLedger ledger("run", 3);
  ledger.leave_out(0);
  EXPECT_FALSE(ledger.is_pending(0));
  EXPECT_TRUE(ledger.is_missing(0));
  EXPECT_EQ(ledger.failed(), 0);
  ledger.fail(1);
  EXPECT_FALSE(ledger.all_failed());
  EXPECT_FALSE(ledger.complete());
  ledger.fail(2);
  EXPECT_TRUE(ledger.complete());
  EXPECT_TRUE(ledger.all_failed());
  EXPECT_EQ(ledger.failed(), 2);
  EXPECT_EQ(ledger.not_asked(), 1);
}

/// A done tile 0 whose accepted result is `checksum` of worker "w1".
TileLedger done_with(const std::string& checksum) {
  TileLedger ledger("run", 1);
  ledger.offer(result("run", 0, checksum));
  return ledger;
}
using Names = std::vector<std::string>;

TEST(TileLedger, AnAuditThatAgreesEndsAndTheRoundWaitsForIt) {
  TileLedger ledger = done_with("aa");
  EXPECT_TRUE(ledger.complete());
  ledger.audit(0);
  ledger.audit(0);
  EXPECT_FALSE(ledger.complete());
  const auto finding = ledger.judge(result("run", 0, "aa", "master"));
  EXPECT_FALSE(finding.alarm || finding.replace || finding.compute_again);
  EXPECT_TRUE(finding.liars.empty());
  EXPECT_TRUE(ledger.complete());
  EXPECT_TRUE(ledger.judge(result("run", 0, "bb", "master")).liars.empty()) << "nothing is audited now";
}

TEST(TileLedger, AnAuditThatContradictsIsDoneTwiceBeforeAWorkerIsWrong) {
  TileLedger ledger = done_with("aa");
  ledger.audit(0);
  EXPECT_TRUE(ledger.judge(result("run", 0, "bb", "master")).compute_again);
  EXPECT_FALSE(ledger.complete());
  const auto finding = ledger.judge(result("run", 0, "bb", "master"));
  EXPECT_TRUE(finding.replace);
  EXPECT_FALSE(finding.alarm);
  EXPECT_EQ(finding.liars, Names{"w1"});
  EXPECT_TRUE(ledger.complete());
}

TEST(TileLedger, AnOwnComputationThatContradictsItselfIsAnAlarm) {
  for (const char* second : {"cc", "aa"}) {
    TileLedger ledger = done_with("aa");
    ledger.audit(0);
    EXPECT_TRUE(ledger.judge(result("run", 0, "bb", "master")).compute_again);
    EXPECT_TRUE(ledger.judge(result("run", 0, second, "master")).alarm) << second;
  }
}

TEST(TileLedger, OfTwoResultsTheOneThatAgreesIsRight) {
  TileLedger first = done_with("aa");
  first.suspect(result("run", 0, "bb", "w2"));
  auto finding = first.judge(result("run", 0, "aa", "master"));
  EXPECT_FALSE(finding.replace);
  EXPECT_EQ(finding.liars, Names{"w2"});
  TileLedger second = done_with("aa");
  second.suspect(result("run", 0, "bb", "w2"));
  finding = second.judge(result("run", 0, "bb", "master"));
  EXPECT_TRUE(finding.replace);
  EXPECT_EQ(finding.liars, Names{"w1"});
  TileLedger none = done_with("aa");
  none.suspect(result("run", 0, "bb", "w2"));
  EXPECT_TRUE(none.judge(result("run", 0, "cc", "master")).compute_again);
  finding = none.judge(result("run", 0, "cc", "master"));
  EXPECT_TRUE(finding.replace);
  EXPECT_EQ(finding.liars, (Names{"w1", "w2"}));
}

TEST(TileLedger, ALieInTheFiguresIsOneToo) {
  TileLedger ledger = done_with("aa");
  ResultMessage rival = result("run", 0, "aa", "w2");
  rival.tile_median = {3};
  EXPECT_FALSE(same_data(rival, ledger.tile(0).result));
  ledger.suspect(rival);
  EXPECT_EQ(ledger.judge(result("run", 0, "aa", "master")).liars, Names{"w2"});
}

TEST(TileLedger, ARevokedTileIsOpenAndItsAuditForgotten) {
  TileLedger ledger = done_with("aa");
  ledger.audit(0);
  ledger.revoke(0);
  EXPECT_TRUE(ledger.is_open(0));
  EXPECT_EQ(ledger.done(), 0);
  EXPECT_FALSE(ledger.complete());
  EXPECT_EQ(ledger.offer(result("run", 0, "bb", "w2")), Verdict::kAccepted);
  EXPECT_TRUE(ledger.complete());
}

TEST(TileLedger, ARefusedResultOpensTheTileOfItsTaskAndCounts) {
  Sent s;
  const ResultMessage refused = answer(s.ledger);
  EXPECT_EQ(s.ledger.refuse(refused), 1);
  EXPECT_TRUE(s.ledger.is_open(0));
  s.send();
  EXPECT_EQ(s.ledger.refuse(refused), 2) << "of a task that does not count any more";
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kSent);
}

TEST(TileLedger, ATileThatTheMasterComputesIsNotSentAndTakesAnyResult) {
  Sent s;
  s.ledger.take_over(0);
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kOwn);
  EXPECT_TRUE(s.ledger.is_pending(0));
  s.ledger.reopen_all();
  EXPECT_EQ(s.ledger.tile(0).phase, Phase::kOwn);
  s.ledger.release(0);
  EXPECT_TRUE(s.ledger.is_open(0));
  s.ledger.take_over(0);
  EXPECT_EQ(s.ledger.offer(result("run", 0, "aa")), Verdict::kAccepted);
}

TEST(TileLedger, ATaskThatBringsNothingIsIssuedAgainAndItsAnswersStillCount) {
  Sent s;
  ResultMessage old = answer(s.ledger);
  TaskBook::Task task;
  task.id = "t0";
  task.tiles = {0};
  EXPECT_EQ(s.ledger.reissue(task), std::vector<int>{0});
  EXPECT_TRUE(s.ledger.is_open(0));
  EXPECT_EQ(s.ledger.reissue(task), std::vector<int>{}) << "it is open already";
  s.send();
  EXPECT_EQ(s.ledger.tile(0).issued, 2);
  EXPECT_TRUE(s.ledger.asked(old));
  old.attempt = 2;
  EXPECT_FALSE(s.ledger.asked(old));
  EXPECT_EQ(s.ledger.failed(failure(s.ledger, ErrorKind::kTransient)), Step::kSendAgain);
  EXPECT_EQ(s.ledger.tile(0).issued, 0) << "an answer, even of failure, is no silence";
}

}  // namespace
}  // namespace tilecompile
