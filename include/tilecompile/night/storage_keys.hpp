#pragma once
#include <string>

#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Where frames lie that a master brought in (storage.upload_frames), for all runs.
inline constexpr const char* kFramesFolder = "frames";
/// "frames/<sha256 of the file>".
std::string frame_object_key(const std::string& sha256);

/// Storage keys of what the workers of a run share.
std::string config_key(const std::string& run_id);
std::string manifest_key(const std::string& run_id);
std::string registration_key(const std::string& run_id);
std::string frame_metrics_key(const std::string& run_id);
std::string clusters_key(const std::string& run_id);
std::string tile_key(const std::string& run_id, int tile_id);
std::string synthetic_tile_key(const std::string& run_id, int tile_id);
/// Weights of a tile computed in pieces; `with_mean`: with the mean of its sampled rows.
std::string tile_weights_key(const std::string& run_id, int tile_id, bool with_mean);
/// The piece of a tile that a tile_measure, tile_sample or tile_sum task makes.
std::string tile_part_key(const TileTask& task, int tile_id);

/// Configuration and manifest of frame tasks: named by their digest, since a look at the frames can change
/// the manifest.
std::string frames_config_key(const TileTask& task);
std::string frames_manifest_key(const TileTask& task);
/// The sums of the frames' files, by the SHA-256 of the object.
std::string frame_sums_key(const std::string& run_id, const std::string& sha256);

/// The object `key`; throws InputError naming it as `what` when its bytes have another SHA-256.
std::string fetch_checked(ObjectStore& store, const std::string& key, const std::string& sha256,
                          const std::string& what);

}  // namespace tilecompile
