#include "tilecompile/operate/run_story.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

json result(int tile_id, const std::string& worker, const std::string& folder = "tiles") {
  return {{"tile_id", tile_id},
          {"worker_id", worker},
          {"compute_seconds", 0.5},
          {"tile_data_ref", "run/" + folder + "/tile.fits"}};
}
json event(const std::string& name, json fields = json::object()) {
  fields["event"] = name;
  fields["time"] = utc_now();
  return fields;
}

class RunStoryOf : public testing::Test {
 protected:
  void tell(const json& e) { story_.take("events.jsonl", e); }
  void accept(const json& r, double now_s = 0) { story_.take("journal.jsonl", r, now_s); }
  RunStatus status(const std::string& word = "running") const {
    RunStatus s;
    s.status = word;
    story_.tell(s);
    return s;
  }
  RunStory story_{4};
};

TEST_F(RunStoryOf, WorkersHavePacesAndAreHeardOf) {
  tell(event("round_began"));
  accept(result(0, "a"), 100);
  accept(result(1, "a"), 107);
  const RunStatus s = status();
  EXPECT_EQ(s.workers.at("a"), 2);
  EXPECT_DOUBLE_EQ(s.paces.at("a").compute_seconds, 1);
  EXPECT_DOUBLE_EQ(s.paces.at("a").last_seen_s, 107);
  EXPECT_GT(s.tiles_a_second, 0);
  EXPECT_NEAR(s.eta_s * s.tiles_a_second, 2, 1e-9);
  EXPECT_EQ(status("done").eta_s, -1);
}

TEST_F(RunStoryOf, AResultOfTheLogHasNoTime) {
  tell(event("round_began"));
  accept(result(0, "a"));
  EXPECT_EQ(status().paces.at("a").last_seen_s, -1);
}

TEST_F(RunStoryOf, DeadLettersAreTilesThatAreNotTriedAgain) {
  tell(event("round_began"));
  tell(event("tile_failed", {{"tile_id", "1"}, {"worker_id", "a"}}));
  tell(event("tile_retried", {{"tile_id", "1"}}));
  EXPECT_EQ(status().dead_letters, 0);
  tell(event("tile_failed", {{"tile_id", "1"}, {"worker_id", "a"}}));
  EXPECT_EQ(status().dead_letters, 1);
  tell(event("round_began"));
  EXPECT_EQ(status().failed, 0);
  EXPECT_EQ(status().dead_letters, 1);
}

TEST_F(RunStoryOf, AnotherStartBeginsTheStoryAnewButKeepsTheTiles) {
  tell(event("round_began"));
  accept(result(0, "a"));
  tell(event("standstill", {{"state", "stalled"}, {"text", "x"}}));
  tell(event("run_resumed"));
  EXPECT_EQ(status().state, "");
  EXPECT_EQ(status().phase, "reading and analysing frames");
  tell(event("round_began"));
  tell(event("tiles_taken_over", {{"tiles", "1"}}));
  EXPECT_EQ(status().done, 1);
  EXPECT_EQ(status().tiles_a_second, 0) << "what was taken over took no time";
  tell(event("journal_dropped"));
  EXPECT_EQ(status().done, 0);
}

TEST_F(RunStoryOf, TheSecondRoundCountsItsOwnTiles) {
  tell(event("round_began"));
  accept(result(0, "a"));
  tell(event("round_began"));
  accept(result(3, "a", "synthetic_tiles"));
  EXPECT_TRUE(status().second_round);
  EXPECT_EQ(status().done, 1);
  EXPECT_EQ(status().workers.at("a"), 2);
}

}  // namespace
}  // namespace tilecompile
