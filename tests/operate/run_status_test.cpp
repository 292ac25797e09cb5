#include "tilecompile/operate/run_status.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {
namespace {

const std::string kStatusRun = "66666666-7777-4888-9999-aaaaaaaaaaaa";

class RunStatusOf : public testing::Test {
 protected:
  RunStatusOf() { directory_.emplace(folder_.path(), kStatusRun); }
  void accept(int tile_id, const std::string& worker, bool synthetic = false) {
    directory_->append_journal(
        nlohmann::json{{"tile_id", tile_id},
                       {"worker_id", worker},
                       {"tile_data_ref",
                        synthetic ? synthetic_tile_key(kStatusRun, tile_id) : tile_key(kStatusRun, tile_id)}}
            .dump());
  }
  RunStatus status() const { return read_run_status(folder_.path() / kStatusRun); }

  TempDir folder_;
  std::optional<RunDirectory> directory_;
};

TEST_F(RunStatusOf, ARunUnderWay) {
  directory_->append_event("run_started");
  EXPECT_EQ(status().phase, "reading and analysing frames");
  EXPECT_EQ(status().tiles, 0);
  directory_->write("grid.json", R"({"tiles": [{}, {}, {}, {}]})");
  directory_->append_event("round_began");
  accept(0, "a");
  accept(2, "b");
  directory_->append_event("tile_failed", {{"tile_id", "1"}});
  const RunStatus s = status();
  EXPECT_EQ(s.run_id, kStatusRun);
  EXPECT_EQ(s.status, "running");
  EXPECT_EQ(s.phase, "reconstruct tiles");
  EXPECT_EQ(s.tiles, 4);
  EXPECT_EQ(s.done, 2);
  EXPECT_EQ(s.failed, 1);
  EXPECT_EQ(s.workers, (std::map<std::string, int>{{"a", 1}, {"b", 1}}));
  EXPECT_GE(s.eta_s, 0);
  EXPECT_EQ(status_json(s).at("tiles").at("done"), 2);
}

TEST_F(RunStatusOf, AFailureThatIsTriedAgainIsNone) {
  directory_->append_event("round_began");
  directory_->append_event("tile_failed", {{"tile_id", "1"}});
  directory_->append_event("tile_retried", {{"tile_id", "1"}});
  EXPECT_EQ(status().failed, 0);
  EXPECT_EQ(status().retried, 1);
}

TEST_F(RunStatusOf, ARunThatStandsStillIsCalledByItsState) {
  directory_->append_event("round_began");
  directory_->append_event("standstill", {{"state", "disk full"}, {"text", "worker a: no room"}});
  EXPECT_EQ(status().status, "running");
  EXPECT_EQ(status().state, "disk full");
  EXPECT_EQ(status().waits_for, "worker a: no room");
  EXPECT_EQ(status_json(status()).at("state"), "disk full");
  directory_->append_event("goes_on");
  EXPECT_EQ(status().state, "");
  EXPECT_EQ(status().waits_for, "");
}

TEST_F(RunStatusOf, WorkersInTroubleAreNamedWithTheirLastText) {
  directory_->append_event("round_began");
  for (const char* text : {"first", "second"})
    directory_->append_event("tile_failed", {{"tile_id", "1"}, {"worker_id", "bad"}, {"text", text}});
  directory_->append_event("tile_handed_back", {{"tile_id", "2"}, {"worker_id", "bad"}});
  directory_->append_event("tile_handed_back", {{"tile_id", "3"}, {"worker_id", "other"}});
  directory_->append_event("result_rejected", {{"worker_id", "liar"}, {"rejected", "8"}});
  directory_->append_event("worker_rests", {{"worker_id", "bad"}, {"text", "not mounted"}});
  directory_->append_event("tasks_lost", {{"tiles", "40"}});
  RunStatus s = status();
  EXPECT_EQ(s.handed_back, 2);
  EXPECT_EQ(s.lost, 40);
  EXPECT_EQ(s.troubles.at("bad").failures, 2);
  EXPECT_EQ(s.troubles.at("bad").last_failure, "second");
  EXPECT_EQ(s.troubles.at("bad").rests, "not mounted");
  EXPECT_EQ(s.troubles.at("liar").rejected, 8);
  EXPECT_EQ(status_json(s).at("troubles").at("bad").at("rests"), "not mounted");
  directory_->append_event("worker_takes_tasks", {{"worker_id", "bad"}});
  EXPECT_EQ(status().troubles.at("bad").rests, "");
}

TEST_F(RunStatusOf, TheSecondRoundCountsItsOwnTiles) {
  directory_->write("grid.json", R"({"tiles": [{}, {}]})");
  for (int round = 0; round < 2; ++round) directory_->append_event("round_began");
  accept(0, "a");
  accept(1, "a");
  accept(1, "a", true);
  EXPECT_TRUE(status().second_round);
  EXPECT_EQ(status().done, 1);
  EXPECT_EQ(status().phase, "synthetic frames");
}

TEST_F(RunStatusOf, AKilledAndAnEndedRun) {
  directory_->append_event("run_started");
  std::ofstream(directory_->path() / "events.jsonl", std::ios::app) << "{\"event\": \"torn";
  directory_.reset();
  EXPECT_EQ(status().status, "killed");
  std::ofstream(folder_.path() / kStatusRun / "run.json")
      << R"({"status": "failed", "error": {"kind": "input", "text": "the frame is gone"}})";
  EXPECT_EQ(status().status, "failed");
  EXPECT_EQ(status().error, "the frame is gone");
}

TEST_F(RunStatusOf, IsFoundByFolderByIdAndAsTheLatest) {
  directory_->append_event("run_started");
  EXPECT_EQ(find_run_directory("", folder_.path()), folder_.path() / kStatusRun);
  EXPECT_EQ(find_run_directory(kStatusRun, folder_.path()), folder_.path() / kStatusRun);
  EXPECT_EQ(find_run_directory((folder_.path() / kStatusRun).string(), "nowhere"),
            folder_.path() / kStatusRun);
  EXPECT_THROW(find_run_directory("other", folder_.path()), UsageError);
  EXPECT_THROW(find_run_directory("", "nowhere"), UsageError);
}

}  // namespace
}  // namespace tilecompile
