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
  EXPECT_EQ(ledger.result(0).worker_id, "w1");
  EXPECT_EQ(ledger.offer(result("run", 1, "bb")), Verdict::kAccepted);
  EXPECT_TRUE(ledger.complete());
}

TEST(TileLedger, AnotherChecksumIsAConflictAndChangesNothing) {
  TileLedger ledger("run", 1);
  ledger.offer(result("run", 0, "aa"));
  EXPECT_EQ(ledger.offer(result("run", 0, "ab", "w2")), Verdict::kConflict);
  EXPECT_EQ(ledger.result(0).data_checksum, "aa");
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

}  // namespace
}  // namespace tilecompile
