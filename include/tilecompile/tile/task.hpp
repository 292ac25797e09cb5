#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One tile of a task: what to compute and the seed of methods documented as stochastic (none today).
struct TaskTile {
  int tile_id = 0;
  Box box;
  std::uint32_t seed = 0;
  /// Synthetic frames: the reconstructed tile of the first round, whose frame weights are used again. Partial
  /// sums: the weights of the tile.
  std::string data_ref{}, data_checksum{};
};

/// Reference to an object of a run on the storage: frame metrics, clusters.
struct ObjectReference {
  std::string ref;       ///< storage key
  std::string checksum;  ///< SHA-256 of its bytes
};

/// What is done with the tiles of a task: all of it, or, for tiles computed in pieces, measuring some of
/// their frames, summing the rows that noise is measured on, or summing all. The others come before the
/// tiles, and their items are frames or bands of rows, not tiles; the last two are of frames of calibration.
enum class TaskWork {
  kTile,
  kMeasure,
  kSample,
  kSum,
  kHash,
  kDetect,
  kAnalyse,
  kStack,
  kStars,
  kScatter,
  kMedian,
  kFlatLevels,
  kMaster
};
inline constexpr TaskWork kLastWork = TaskWork::kMaster;
/// What the piece is that such a task makes: `metrics`, `samples`, `sums`, `detection`, ...
const char* piece_name(TaskWork work);
constexpr bool of_frames(TaskWork work) { return work >= TaskWork::kHash; }
constexpr bool of_bands(TaskWork work) {
  return work == TaskWork::kStack || work == TaskWork::kScatter || work == TaskWork::kMedian ||
         work == TaskWork::kMaster;
}
constexpr bool of_calibration(TaskWork work) { return work >= TaskWork::kFlatLevels; }

/// How a worker goes about a task. The master asks for care when workers may have died over its tiles; each
/// step includes the one before.
enum class TaskCare {
  kNone,
  kAnnounce,  ///< say of each tile that it is begun, before it is
  kAlone      ///< compute nothing else in the process meanwhile
};

/// A message on tile.compute: `tile_compute` for one tile, `tile_batch` for several, `tile_synthetic` for the
/// synthetic frames of one or more tiles; `tile_measure`, `tile_sample` and `tile_sum` for pieces of tiles
/// (docs/protocol.md).
struct TileTask {
  std::string correlation_id, run_id, config_hash, frames_manifest_id;
  std::string input_stage = "registered";
  std::vector<TaskTile> tiles;
  int first_frame = 0, last_frame = 0;  ///< inclusive at both ends
  ObjectReference metrics;
  std::optional<ObjectReference> clusters;  ///< set: task_type tile_synthetic
  TaskWork work = TaskWork::kTile;
};

/// seed = first four bytes, big-endian, of SHA-256(run_id ":" decimal tile_id) (`methodology.md` 8).
std::uint32_t tile_seed(const std::string& run_id, int tile_id);

/// UTF-8 JSON of a task; one tile gives task_type tile_compute.
std::string encode_task(const TileTask& task);
/// Strict inverse: every field present, of its type and range, none unknown or twice. Throws InputError that
/// says which.
TileTask decode_task(std::string_view bytes);

}  // namespace tilecompile
