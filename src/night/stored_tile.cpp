#include "tilecompile/night/stored_tile.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {

TileFile tile_file(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes,
                   bool frame_tables) {
  TileFile file;
  file.tile_id = tile.tile_id;
  file.box = tile.box;
  file.run_id = task.run_id;
  file.config_hash = task.config_hash;
  file.frames_manifest_id = task.frames_manifest_id;
  for (TileChannel& channel : planes) {
    if (!frame_tables)
      for (auto* table :
           {&channel.quality, &channel.frame_weight, &channel.rejected_low, &channel.rejected_high})
        table->clear();
    file.pixels.push_back(std::move(channel.pixels));
    file.coverage.push_back(std::move(channel.coverage));
    file.weight.push_back(std::move(channel.weight));
    file.variance.push_back(std::move(channel.variance));
    file.effective_frames.push_back(std::move(channel.effective_frames));
    file.quality.push_back(std::move(channel.quality));
    file.rejected_low.push_back(std::move(channel.rejected_low));
    file.rejected_high.push_back(std::move(channel.rejected_high));
    file.frame_weight.push_back(std::move(channel.frame_weight));
    if (channel.light_low.empty()) continue;
    file.light_low.push_back(std::move(channel.light_low));
    file.light_high.push_back(std::move(channel.light_high));
  }
  return file;
}

void store_tile(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes,
                bool frame_tables, ObjectStore& store, ResultMessage& message) {
  message.data_shape = {tile.box.h, tile.box.w};
  if (planes.size() > 1)
    message.data_shape.insert(message.data_shape.begin(), static_cast<int>(planes.size()));
  for (TileChannel& plane : planes) {
    message.sum_weights.push_back(plane.sum_weights);
    message.tile_median.push_back(plane.median);
    message.tile_background.push_back(plane.background);
    message.fallback_used |= plane.fallback_used;
  }
  const std::string bytes = encode_tile_file(
      // clusters differ in size; the first round's tile has the numbers of frames
      tile_file(task, tile, std::move(planes), frame_tables && !task.clusters));
  message.data_ref =
      task.clusters ? synthetic_tile_key(task.run_id, tile.tile_id) : tile_key(task.run_id, tile.tile_id);
  message.data_checksum = sha256_hex(bytes);
  store.put(message.data_ref, bytes);
}

TileFile load_tile(ObjectStore& store, const ResultMessage& result, const Box& box, int planes) {
  const std::string bytes = store.get(result.data_ref);
  const std::string about = "tile " + std::to_string(result.tile_id) + " (" + result.data_ref + " in " +
                            store.describe() + ", written by worker " + result.worker_id + ") ";
  const std::string found = sha256_hex(bytes);
  if (found != result.data_checksum)
    throw InputError(about + "has SHA-256 " + found + ", its result says " + result.data_checksum +
                     "; the object was damaged or replaced");
  TileFile file = decode_tile_file(bytes);
  if (file.tile_id != result.tile_id || !(file.box == box) || static_cast<int>(file.pixels.size()) != planes)
    throw InputError(about + "has another tile, box or number of planes than was asked for");
  return file;
}

}  // namespace tilecompile
