#include "tilecompile/night/storage_keys.hpp"

#include <cstdio>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kDigitsOfName = 16;

std::string numbered_tile(const std::string& folder, int tile_id, const std::string& ending = ".fits") {
  char name[32];
  std::snprintf(name, sizeof name, "/tile_%06d", tile_id);
  return folder + name + ending;
}
}  // namespace

std::string config_key(const std::string& run_id) { return run_id + "/config.json"; }
std::string manifest_key(const std::string& run_id) { return run_id + "/manifest.json"; }
std::string registration_key(const std::string& run_id) { return run_id + "/registration.json"; }
std::string frame_metrics_key(const std::string& run_id) { return run_id + "/frame_metrics.json"; }
std::string clusters_key(const std::string& run_id) { return run_id + "/clusters.json"; }

std::string frame_object_key(const std::string& sha256) { return std::string(kFramesFolder) + "/" + sha256; }

std::string tile_key(const std::string& run_id, int tile_id) {
  return numbered_tile(run_id + "/tiles", tile_id);
}
std::string synthetic_tile_key(const std::string& run_id, int tile_id) {
  return numbered_tile(run_id + "/synthetic_tiles", tile_id);
}

std::string tile_weights_key(const std::string& run_id, int tile_id, bool with_mean) {
  return numbered_tile(run_id + "/tile_parts", tile_id, with_mean ? "_weights_and_mean.bin" : "_weights.bin");
}
std::string tile_part_key(const TileTask& task, int tile_id) {
  return numbered_tile(task.run_id + "/tile_parts", tile_id,
                       "_" + std::to_string(task.first_frame) + "_" + std::to_string(task.last_frame) + "_" +
                           piece_name(task.work) + (task.work == TaskWork::kMeasure ? ".json" : ".bin"));
}

std::string frames_config_key(const TileTask& task) {
  return task.run_id + "/frame_parts/config_" + task.config_hash.substr(0, kDigitsOfName) + ".json";
}
std::string frames_manifest_key(const TileTask& task) {
  return task.run_id + "/frame_parts/manifest_" + task.frames_manifest_id.substr(0, kDigitsOfName) + ".json";
}

std::string frame_sums_key(const std::string& run_id, const std::string& sha256) {
  return run_id + "/frame_parts/sums_" + sha256.substr(0, kDigitsOfName) + ".bin";
}

std::string fetch_checked(ObjectStore& store, const std::string& key, const std::string& sha256,
                          const std::string& what) {
  std::string bytes = store.get(key);
  const std::string found = sha256_hex(bytes);
  if (found != sha256)
    throw InputError(what + " of the run (" + key + " in " + store.describe() + ") has SHA-256 " + found +
                     ", expected was " + sha256 +
                     "; the object was damaged or replaced, or the task belongs to another run");
  return bytes;
}

}  // namespace tilecompile
