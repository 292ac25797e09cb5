#include "tilecompile/protocol/any_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TileTask frame_task(TaskWork work) {
  TileTask task;
  task.work = work;
  task.correlation_id = "11111111-2222-4333-8444-555555555555";
  task.run_id = "66666666-7777-4888-9999-aaaaaaaaaaaa";
  task.config_hash = std::string(64, 'a');
  task.frames_manifest_id = std::string(64, 'b');
  task.last_frame = 9;
  task.metrics = {task.run_id + "/frame_parts/pass.bin", std::string(64, 'c')};
  task.tiles =
      of_bands(work) ? std::vector<TaskTile>{{2, {0, 128, 0, 64}}} : std::vector<TaskTile>{{4, {}}, {9, {}}};
  return task;
}

TEST(AnyTask, FramesAndBandsComeBackAsTheyWere) {
  for (const TaskWork work :
       {TaskWork::kHash, TaskWork::kDetect, TaskWork::kAnalyse, TaskWork::kStack, TaskWork::kStars,
        TaskWork::kScatter, TaskWork::kMedian, TaskWork::kFlatLevels, TaskWork::kMaster}) {
    const TileTask task = frame_task(work);
    const TileTask again = decode_any_task(encode_any_task(task));
    EXPECT_EQ(again.work, work);
    EXPECT_EQ(again.metrics.checksum, task.metrics.checksum);
    ASSERT_EQ(again.tiles.size(), task.tiles.size());
    for (std::size_t i = 0; i < task.tiles.size(); ++i) {
      EXPECT_EQ(again.tiles[i].tile_id, task.tiles[i].tile_id);
      EXPECT_EQ(again.tiles[i].box, task.tiles[i].box);
    }
    EXPECT_EQ(encode_any_task(again), encode_any_task(task));
  }
}

std::string refusal(const std::function<void(nlohmann::json&)>& change, TaskWork work = TaskWork::kStars) {
  nlohmann::json j = nlohmann::json::parse(encode_any_task(frame_task(work)));
  change(j);
  try {
    decode_any_task(j.dump());
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

TEST(AnyTask, WhatIsMissingUnknownOrOutsideIsRefused) {
  using nlohmann::json;
  EXPECT_EQ(refusal([](json&) {}), "");
  EXPECT_THAT(refusal([](json& j) { j["operation"] = "paint"; }), testing::HasSubstr("paint"));
  EXPECT_THAT(refusal([](json& j) { j["frames"] = {10}; }), testing::HasSubstr("frame_index_range"));
  EXPECT_THAT(refusal([](json& j) { j["frames"] = json::array(); }), testing::HasSubstr("frames"));
  EXPECT_THAT(refusal([](json& j) { j.erase("input_ref"); }), testing::HasSubstr("input_ref"));
  EXPECT_THAT(refusal([](json& j) { j["more"] = 1; }), testing::HasSubstr("more"));
  EXPECT_THAT(refusal([](json& j) { j["bands"] = {1}; }, TaskWork::kStack), testing::HasSubstr("band"));
  EXPECT_THAT(refusal([](json& j) { j.erase("input_checksum"); }, TaskWork::kAnalyse),
              testing::HasSubstr("input_checksum"));
}

}  // namespace
}  // namespace tilecompile
