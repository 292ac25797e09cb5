#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// How the local quality Q of a tile's frames is spread: equal bins from `low` to `high` (the clamp of the
/// local metrics). What lies outside counts in the outermost bin.
struct QualityHistogram {
  double low = 0, high = 0;
  std::vector<std::int64_t> counts;
};

/// What is worth knowing about one channel of a tile beside its pixels.
struct ChannelDiagnostics {
  QualityHistogram quality;
  int measured_frames = 0;  ///< frames with a measurement of their own; the others got the median Q
  /// W at the shares kWeightShares of the frames, nearest rank.
  std::vector<double> weight_quantiles;
  double n_eff = 0;               ///< (sum W)^2 / sum W^2
  double valid_fraction = 0;      ///< valid samples of all frames in the tile
  double uncovered_fraction = 0;  ///< pixels that no frame covers
  double background = 0, median = 0;
  double noise = 0;  ///< scale of the clipped R
  bool fallback_used = false;
};

/// The shares of frames at which weights are given: smallest, 5 %, 25 %, median, 75 %, 95 %, largest.
inline constexpr double kWeightShares[] = {0, 0.05, 0.25, 0.5, 0.75, 0.95, 1};

/// One message on tile.diagnostics (docs/protocol.md).
struct TileDiagnostics {
  std::string run_id, worker_id;
  int attempt = 1;
  int tile_id = 0;
  Box box;
  TileKind kind = TileKind::kStructure;
  int stars = 0, frames = 0;
  std::vector<ChannelDiagnostics> channels;
};

/// Number of frames of equal weight that would give the same noise: (sum W)^2 / sum W^2; 0 without weights.
double effective_frames(const std::vector<double>& weights);

/// Sums up a reconstructed tile. Ids, worker and attempt are the caller's to fill in.
TileDiagnostics diagnose_tile(const TileInput& input, const TileResult& result);

}  // namespace tilecompile
