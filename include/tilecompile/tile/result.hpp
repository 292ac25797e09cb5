#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/base/error.hpp"

namespace tilecompile {

/// Why a tile could not be computed.
struct TileFailure {
  ErrorKind kind = ErrorKind::kContract;
  std::string text;
};

/// A message on the results queue. The scalars have one entry a channel.
struct ResultMessage {
  std::string correlation_id, run_id;
  int tile_id = 0;
  std::string data_ref;         ///< storage key of the tile
  std::string data_checksum;    ///< SHA-256 of the object's bytes
  std::vector<int> data_shape;  ///< [h, w] or [3, h, w]
  std::vector<double> sum_weights, tile_median, tile_background;
  bool fallback_used = false;
  std::string worker_id;
  int attempt = 1;
  double compute_seconds = 0;
  std::optional<TileFailure> failure;  ///< set: the data fields are empty
};

/// UTF-8 JSON of a result; mono tiles carry plain numbers, colour tiles arrays.
std::string encode_result(const ResultMessage& result);
/// Strict inverse; throws InputError that says which field is wrong.
ResultMessage decode_result(std::string_view bytes);

}  // namespace tilecompile
