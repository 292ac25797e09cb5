#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/image/sample_block.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// One frame's samples of one tile and channel, input units, NaN where invalid, shape (tile h, tile w).
struct FrameCutout {
  PlaneView<float> samples;
  double code_step = 0;  ///< q of the frame, 0 for floating point
  /// Of drizzled frames: what each sample counts for, 0 to 1, in every sum over frames; none: 1 everywhere.
  PlaneView<float> shares{};
  std::int64_t valid = -1;  ///< samples that are not NaN; below 0: not counted
  bool whole() const { return valid == static_cast<std::int64_t>(samples.width) * samples.height; }
};

/// What the numerics need of a tile. `frame_index[i]` says which row of the frame metrics belongs to cut-out
/// i; the cut-outs are in ascending frame order, which is the order of every sum.
struct TileInput {
  Box box;
  std::vector<std::vector<FrameCutout>> cutouts;  ///< [channel][i]
  std::vector<int> frame_index;
  const FrameMetrics* metrics = nullptr;
  GridParams grid;
  LocalMetricsParams local;
  ReconstructionParams reconstruction;
  double max_frame_share = 0;  ///< of the weight of all frames of the tile, for one frame; 0: no limit
  std::shared_ptr<const std::vector<SampleBlock>>
      memory{};  ///< what the cut-outs point to, where it is their own
};

/// One channel of a reconstructed tile.
struct TileChannel {
  Plane<float> pixels;               ///< R, normalised; NaN where no frame is valid
  Plane<std::int32_t> coverage;      ///< frames per pixel
  Plane<float> weight;               ///< sum of W over the frames valid at a pixel
  Plane<float> variance;             ///< of R as the frames' noise makes it; NaN where no frame is valid
  Plane<float> effective_frames;     ///< (sum w)^2 / sum w^2 of the weights at a pixel
  std::vector<double> quality;       ///< [i] Q after the clamp; in seeing mode -n log(FWHM / F)
  std::vector<double> frame_weight;  ///< [i] W = G L; in seeing mode the inverse variance times L
  std::vector<double> rejected_low, rejected_high;  ///< [i] pixels rejected below and above
  /// Sum of I' - median of the kept frames over the rejected samples of a pixel, below and above; empty
  /// without rejection.
  Plane<float> light_low, light_high;
  int measured_frames = 0;     ///< frames with a measurement of their own in the tile
  double sum_weights = 0;      ///< sum of W over all frames
  double background = 0;       ///< clipped median of R
  double median = 0;           ///< median(R - background)
  bool fallback_used = false;  ///< some pixel is the plain mean because its weights are below epsilon
};

struct TileResult {
  TileKind kind = TileKind::kStructure;
  int star_count = 0;
  std::vector<TileChannel> channels;
};

/// The one entry to the numerics of a tile: local metrics, weights, weighted mean (`methodology.md` 7, 9).
/// Sums over frames run in ascending order in chunks of frame_chunk, partial sums in chunk order
/// (`methodology.md` 0.4). A pixel without data and a used fallback are parts of the result, not errors.
/// Throws ContractError for cut-outs of another shape.
TileResult compute_tile(const TileInput& input);

}  // namespace tilecompile
