#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Why a tile could not be computed.
struct TileFailure {
  ErrorKind kind = ErrorKind::kContract;
  std::string text;
};
/// Throws the error that a failed tile means, with `text`.
[[noreturn]] void throw_failure(const TileFailure& failure, const std::string& text);

/// Which piece of a tile a result is about.
struct ResultPart {
  TaskWork work = TaskWork::kMeasure;
  int first_frame = 0, last_frame = 0;
  bool operator==(const ResultPart&) const = default;
};
/// The piece that a task asks for; nothing for whole tiles.
std::optional<ResultPart> part_of(const TileTask& task);

/// Why a worker answers for a tile that it has not tried.
enum class HandBack {
  kStopping,     ///< it was told to stop
  kRedelivered,  ///< another worker had the task before, and may have died over it
  kUnfit,        ///< its latest tiles have failed: it takes no tasks for a while
};

/// A message on the results queue. The scalars have one entry a plane: a channel of the tile, or,
/// in the second round, a channel of a synthetic frame (all channels of cluster 0, then of cluster 1, ...).
struct ResultMessage {
  std::string correlation_id, run_id;
  int tile_id = 0;
  std::string data_ref;         ///< storage key of the tile
  std::string data_checksum;    ///< SHA-256 of the object's bytes
  std::vector<int> data_shape;  ///< [h, w] or [planes, h, w]
  std::vector<double> sum_weights, tile_median, tile_background;
  bool fallback_used = false;
  std::string worker_id;
  int attempt = 1;
  double compute_seconds = 0;
  std::optional<ResultPart> part;      ///< set: shape and scalars are empty
  std::optional<TileFailure> failure;  ///< set: the data fields are empty
  std::optional<HandBack> hand_back;   ///< only beside a transient failure: nothing was tried
  bool begun = false;  ///< the worker begins the tile now, as its task asked it to say: no data, no failure
};

/// 1 to 64 printable characters of ASCII, neither blank nor comma.
bool is_worker_id(const std::string& id);

/// UTF-8 JSON of a result; tiles of one plane carry plain numbers, others arrays.
std::string encode_result(const ResultMessage& result);
/// Strict inverse; throws InputError that says which field is wrong.
ResultMessage decode_result(std::string_view bytes);

}  // namespace tilecompile
