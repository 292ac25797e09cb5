#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/local_metrics.hpp"

namespace tilecompile {

/// Frames first..last, both included.
struct FrameRange {
  int first = 0, last = 0;
  int count() const { return last - first + 1; }
  bool operator==(const FrameRange&) const = default;
};

/// The frames 0 .. frames-1 in ranges of `chunks` canonical chunks of `frame_chunk` frames each; the last may
/// be shorter.
std::vector<FrameRange> chunk_ranges(int frames, int frame_chunk, int chunks);

/// First round of a tile computed in pieces: what was measured of some of its frames.
struct TileMetricsPart {
  int tile_id = 0;
  FrameRange frames;
  TileKind kind = TileKind::kStructure;
  std::vector<std::vector<LocalMetrics>> channels;  ///< [channel][frame of the range]
};

/// Between the rounds: Q and W of all frames of a tile; before the third round the mean of its sampled rows
/// as well, which the noise of each frame is measured against.
struct TileWeights {
  int tile_id = 0;
  std::vector<std::vector<double>> quality, frame_weight;  ///< [channel][frame]
  std::vector<Plane<double>> mean;                         ///< [channel], see sampled_mean; empty: not known
};

/// Second and third round: the partial sums of every canonical chunk of some of the frames; in the second of
/// the sampled rows alone.
struct TileSumsPart {
  int tile_id = 0;
  Box box;
  FrameRange frames;
  bool sampled = false;
  std::vector<std::vector<PartialSums>> channels;  ///< [channel][chunk of the range]
};

/// Measures the cut-outs of the input, which are those of one range of frames (`methodology.md` 7).
TileMetricsPart measure_tile(const TileInput& input, int tile_id);
/// Q and W of a tile from the measurements of all its frames, `parts` in ascending order of frames. Throws
/// ContractError when they leave frames out.
TileWeights weigh_tile(const std::vector<TileMetricsPart>& parts, const Box& box, const FrameMetrics& metrics,
                       const LocalMetricsParams& params, double max_frame_share);
/// The partial sums of the cut-outs of the input, chunk by chunk. The range starts at a chunk's first frame.
/// With the mean in `weights` those of all rows, and of the variance that the frames' noise in the tile
/// makes; without it those of the sampled rows.
TileSumsPart sum_tile(const TileInput& input, const TileWeights& weights, int tile_id);
/// The mean of the sampled rows from their partial sums: [channel].
std::vector<Plane<double>> join_sampled_rows(const std::vector<TileSumsPart>& parts,
                                             const TileWeights& weights);
/// The tile from its partial sums, `parts` in ascending order of frames: the bits of compute_tile over all
/// frames (`methodology.md` 0.4).
std::vector<TileChannel> join_tile(const std::vector<TileSumsPart>& parts, const TileWeights& weights,
                                   int frame_chunk);

/// JSON; numbers round-trip to the bit.
std::string encode_metrics_part(const TileMetricsPart& part);
/// One line of JSON, then planes as little-endian numbers (docs/protocol.md).
std::string encode_tile_weights(const TileWeights& weights);
std::string encode_sums_part(const TileSumsPart& part);
/// Strict inverses; throw InputError for anything else.
TileMetricsPart decode_metrics_part(std::string_view bytes);
TileWeights decode_tile_weights(std::string_view bytes);
TileSumsPart decode_sums_part(std::string_view bytes);

}  // namespace tilecompile
