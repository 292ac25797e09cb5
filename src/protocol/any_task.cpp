#include "tilecompile/protocol/any_task.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr const char* kType = "frame_batch";
constexpr int kMostFrames = 1 << 20, kLargestSide = 1 << 20;
constexpr std::size_t kMostItems = 4096;

TaskWork work_of(StrictObject& o) {
  const std::string operation = o.text("operation");
  std::string known;
  for (int i = static_cast<int>(TaskWork::kHash); i <= static_cast<int>(kLastWork); ++i) {
    const auto work = static_cast<TaskWork>(i);
    if (operation == piece_name(work)) return work;
    known += (known.empty() ? "" : ", ") + std::string(piece_name(work));
  }
  o.fail("operation", "is '" + operation + "', this worker knows " + known);
}

std::vector<TaskTile> frames_in(StrictObject& o) {
  std::vector<TaskTile> items;
  for (const int frame : o.integers("frames", 1, kMostItems, 0, kMostFrames)) items.push_back({frame, {}});
  return items;
}

std::vector<TaskTile> bands_in(StrictObject& o) {
  const json& list = o.get("bands");
  if (!list.is_array() || list.empty() || list.size() > kMostItems) o.fail("bands", "is no list of bands");
  std::vector<TaskTile> items;
  for (const json& entry : list) {
    StrictObject band(entry, "task band");
    const int id = static_cast<int>(band.integer("band", 0, kLargestSide));
    const auto rows = band.integers("rows", 2, 2, 0, kLargestSide);
    band.done();
    items.push_back({id, {0, rows[0], 0, rows[1]}});
  }
  return items;
}

TileTask decode_frame_task(const json& j) {
  StrictObject o(j, "task");
  TileTask task;
  o.integer("schema", 1, 1);
  o.text("task_type");
  task.work = work_of(o);
  task.correlation_id = o.uuid("correlation_id");
  task.run_id = o.uuid("run_id");
  task.config_hash = o.digest("config_hash");
  task.frames_manifest_id = o.digest("frames_manifest_id");
  task.input_stage = o.text("input_stage");
  const auto range = o.integers("frame_index_range", 2, 2, 0, kMostFrames);
  task.first_frame = range[0];
  task.last_frame = range[1];
  if (task.last_frame < task.first_frame) o.fail("frame_index_range", "ends before it begins");
  task.metrics = {o.text("input_ref"), o.digest("input_checksum")};
  task.tiles = of_bands(task.work) ? bands_in(o) : frames_in(o);
  for (const TaskTile& item : task.tiles)
    if (!of_bands(task.work) && (item.tile_id < task.first_frame || item.tile_id > task.last_frame))
      o.fail("frames", "holds a frame outside of 'frame_index_range'");
  o.done();
  return task;
}

}  // namespace

std::string encode_any_task(const TileTask& task) {
  if (!of_frames(task.work)) return encode_task(task);
  json j{{"schema", 1},
         {"task_type", kType},
         {"operation", piece_name(task.work)},
         {"correlation_id", task.correlation_id},
         {"run_id", task.run_id},
         {"config_hash", task.config_hash},
         {"frames_manifest_id", task.frames_manifest_id},
         {"input_stage", task.input_stage},
         {"frame_index_range", {task.first_frame, task.last_frame}},
         {"input_ref", task.metrics.ref},
         {"input_checksum", task.metrics.checksum}};
  json& items = j[of_bands(task.work) ? "bands" : "frames"] = json::array();
  for (const TaskTile& item : task.tiles)
    if (of_bands(task.work))
      items.push_back({{"band", item.tile_id}, {"rows", {item.box.y0, item.box.h}}});
    else
      items.push_back(item.tile_id);
  return j.dump();
}

TileTask decode_any_task(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "task");
  const bool of_the_frames = j.is_object() && j.contains("task_type") && j["task_type"] == kType;
  return of_the_frames ? decode_frame_task(j) : decode_task(bytes);
}

}  // namespace tilecompile
