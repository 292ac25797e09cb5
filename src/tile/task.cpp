#include "tilecompile/tile/task.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kLargestSide = 1 << 20;
constexpr int kMostTiles = 1 << 24;
constexpr std::size_t kMostTilesInABatch = 4096;

json box_json(const Box& b) { return {b.x0, b.y0, b.w, b.h}; }

// Which object a tile of the task refers to, as the start of the two fields' names; empty: none.
std::string reference_of(const TileTask& task) {
  if (task.work == TaskWork::kSample || task.work == TaskWork::kSum) return "weights";
  return task.clusters ? "tile_data" : "";
}

json tile_json(const TaskTile& t, const std::string& reference) {
  json j{{"tile_id", t.tile_id}, {"tile_bbox", box_json(t.box)}, {"seed", t.seed}};
  if (!reference.empty()) {
    j[reference + "_ref"] = t.data_ref;
    j[reference + "_checksum"] = t.data_checksum;
  }
  return j;
}

TaskTile decode_tile(StrictObject& o, const std::string& reference) {
  TaskTile tile;
  tile.tile_id = static_cast<int>(o.integer("tile_id", 0, kMostTiles));
  const auto b = o.integers("tile_bbox", 4, 4, 0, kLargestSide);
  tile.box = {b[0], b[1], b[2], b[3]};
  if (tile.box.w < 1 || tile.box.h < 1) o.fail("tile_bbox", "is empty");
  tile.seed = static_cast<std::uint32_t>(o.integer("seed", 0, UINT32_MAX));
  if (!reference.empty()) {
    tile.data_ref = o.text(reference + "_ref");
    tile.data_checksum = o.digest(reference + "_checksum");
  }
  return tile;
}

std::vector<TaskTile> decode_batch(StrictObject& o, const std::string& reference) {
  const json& list = o.get("tiles");
  if (!list.is_array() || list.empty() || list.size() > kMostTilesInABatch)
    o.fail("tiles", "is not a list of 1 to " + std::to_string(kMostTilesInABatch) + " tiles");
  std::vector<TaskTile> tiles;
  for (const json& item : list) {
    StrictObject tile(item, "task tile");
    tiles.push_back(decode_tile(tile, reference));
    tile.done();
  }
  return tiles;
}

const std::map<TaskWork, std::string> kPieceTypes = {
    {TaskWork::kMeasure, "tile_measure"}, {TaskWork::kSample, "tile_sample"}, {TaskWork::kSum, "tile_sum"}};

std::string type_name(const TileTask& task) {
  if (task.work != TaskWork::kTile) return kPieceTypes.at(task.work);
  if (task.clusters) return "tile_synthetic";
  return task.tiles.size() == 1 ? "tile_compute" : "tile_batch";
}

TaskWork work_of(const std::string& type) {
  for (const auto& [work, name] : kPieceTypes)
    if (name == type) return work;
  return TaskWork::kTile;
}

}  // namespace

const char* piece_name(TaskWork work) {
  constexpr const char* kNames[] = {"tile",      "metrics",     "samples",    "sums",  "file_hash",
                                    "detection", "analysis",    "stack",      "stars", "scatter",
                                    "median",    "flat_levels", "master_rows"};
  return kNames[static_cast<std::size_t>(work)];
}

std::uint32_t tile_seed(const std::string& run_id, int tile_id) {
  return sha256_prefix32(run_id + ":" + std::to_string(tile_id));
}

std::string encode_task(const TileTask& task) {
  json j{{"schema", 1},
         {"correlation_id", task.correlation_id},
         {"run_id", task.run_id},
         {"config_hash", task.config_hash},
         {"frames_manifest_id", task.frames_manifest_id},
         {"input_stage", task.input_stage},
         {"frame_index_range", {task.first_frame, task.last_frame}},
         {"metrics_config",
          {{"frame_metrics_ref", task.metrics.ref}, {"frame_metrics_checksum", task.metrics.checksum}}}};
  if (task.clusters)
    j["clusters_config"] = {{"clusters_ref", task.clusters->ref},
                            {"clusters_checksum", task.clusters->checksum}};
  const std::string type = type_name(task);
  j["task_type"] = type;
  if (type == "tile_compute") {
    j.update(tile_json(task.tiles.front(), ""));
  } else {
    json tiles = json::array();
    for (const TaskTile& t : task.tiles) tiles.push_back(tile_json(t, reference_of(task)));
    j["tiles"] = std::move(tiles);
  }
  return j.dump();
}

TileTask decode_task(std::string_view bytes) {
  const json j = StrictObject::parse(bytes, "task");
  StrictObject o(j, "task");
  TileTask task;
  o.integer("schema", 1, 1);
  const std::string type = o.text("task_type");
  task.correlation_id = o.uuid("correlation_id");
  task.run_id = o.uuid("run_id");
  task.config_hash = o.digest("config_hash");
  task.frames_manifest_id = o.digest("frames_manifest_id");
  task.input_stage = o.text("input_stage");
  const auto range = o.integers("frame_index_range", 2, 2, 0, kLargestSide);
  task.first_frame = range[0];
  task.last_frame = range[1];
  if (task.last_frame < task.first_frame) o.fail("frame_index_range", "ends before it begins");
  StrictObject metrics(o.get("metrics_config"), "task metrics_config");
  task.metrics.ref = metrics.text("frame_metrics_ref");
  task.metrics.checksum = metrics.digest("frame_metrics_checksum");
  metrics.done();
  if (type == "tile_compute") {
    task.tiles = {decode_tile(o, "")};
  } else if (type == "tile_batch") {
    task.tiles = decode_batch(o, "");
  } else if (work_of(type) != TaskWork::kTile) {
    task.work = work_of(type);
    task.tiles = decode_batch(o, reference_of(task));
  } else if (type == "tile_synthetic") {
    StrictObject clusters(o.get("clusters_config"), "task clusters_config");
    task.clusters = ObjectReference{clusters.text("clusters_ref"), clusters.digest("clusters_checksum")};
    clusters.done();
    task.tiles = decode_batch(o, reference_of(task));
  } else {
    o.fail("task_type", "is '" + type +
                            "', this worker knows tile_compute, tile_batch, tile_synthetic, tile_measure, "
                            "tile_sample and tile_sum");
  }
  o.done();
  return task;
}

}  // namespace tilecompile
