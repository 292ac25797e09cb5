#include "launch/run_watch.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

const char* const kTile =
    R"({"tile_id": 3, "worker_id": "a", "tile_data_ref": "run/tiles/tile_000003.fits"})";
const char* const kBegan = R"({"event": "round_began", "time": "2026-11-28T10:00:00.000Z"})";

TEST(RunWatch, TellsWhatIsNewInItsOrder) {
  const TempDir folder;
  RunWatch watch(folder / "run", "run");
  watch.tell("events.jsonl", kBegan);
  watch.tell("journal.jsonl", kTile);
  watch.add("tile", "{}");
  bool missed = false;
  const auto first = watch.after(0, 0ms, missed);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind, "event");
  EXPECT_EQ(first->data, kBegan);
  EXPECT_EQ(watch.after(first->number, 0ms, missed)->kind, "tile");
  EXPECT_FALSE(missed);
  EXPECT_FALSE(watch.after(watch.latest(), 0ms, missed));
  EXPECT_EQ(watch.results(0, 9), std::vector<std::string>{kTile});
  EXPECT_TRUE(watch.results(1, 9).empty());
  watch.tell("journal.jsonl", kTile);
  EXPECT_EQ(watch.results(0, 1).size(), 1u);
  EXPECT_EQ(watch.results(0, 9).size(), 2u);
  EXPECT_EQ(watch.status().workers.at("a"), 2);
  EXPECT_GT(watch.status().paces.at("a").last_seen_s, 0);
}

TEST(RunWatch, WhoIsTooSlowIsToldSoAndCostsNoMemory) {
  const TempDir folder;
  RunWatch watch(folder / "run", "run");
  for (std::size_t i = 0; i < RunWatch::kMostNews + 10; ++i) watch.add("tile", std::to_string(i));
  bool missed = false;
  const auto news = watch.after(3, 0ms, missed);
  EXPECT_TRUE(missed);
  EXPECT_EQ(news->data, "10");
  EXPECT_EQ(watch.after(12, 0ms, missed)->data, "12");
  EXPECT_FALSE(missed);
}

TEST(RunWatch, AResumedRunBeginsWithItsTiles) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "run");
  std::ofstream(folder / "run/journal.jsonl") << kTile << "\n{\"torn";
  std::ofstream(folder / "run/events.jsonl") << kBegan << "\n"
                                             << R"({"event": "run_interrupted"})"
                                             << "\n";
  RunWatch watch(folder / "run", "run");
  EXPECT_EQ(watch.status().status, "running");
  EXPECT_EQ(watch.status().done, 1);
  EXPECT_EQ(watch.results(0, 9).size(), 1u);
  watch.tell("events.jsonl", R"({"event": "run_done"})");
  EXPECT_EQ(watch.status().status, "done");
}

TEST(RunWatch, LinesOfAnotherFormAreLeftOut) {
  const TempDir folder;
  std::filesystem::create_directory(folder / "run");
  std::ofstream(folder / "run/events.jsonl") << R"({"event": 5})"
                                             << "\n"
                                             << R"({"event": "round_began", "time": null})"
                                             << "\n";
  std::ofstream(folder / "run/journal.jsonl") << R"({"tile_id": "x", "tile_data_ref": [1]})"
                                              << "\n";
  RunWatch watch(folder / "run", "run");
  EXPECT_EQ(watch.status().status, "running");
  EXPECT_TRUE(watch.results(0, 9).empty());
}

TEST(RunWatch, LinesThatAreNoJsonAreLeftOut) {
  const TempDir folder;
  RunWatch watch(folder / "run", "run");
  watch.tell("events.jsonl", "{\"torn");
  EXPECT_EQ(watch.latest(), 0u);
  EXPECT_TRUE(watch.latest_events().empty());
}

}  // namespace
}  // namespace tilecompile
