#pragma once
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/coadd/tile_scale.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Joins the tiles of a run in ascending tile_id while later ones are still being computed, whatever their
/// order of arrival, and keeps the tiles' frame metrics. A tile that arrives early is held in memory, up to a
/// limit, else loaded again.
class TileJoiner {
 public:
  /// May throw InputError: before finish() the tile is then loaded later, when its object may be right again.
  using Reload = std::function<TileFile(const ResultMessage&)>;
  /// Memory for tiles that arrive early.
  static constexpr std::size_t kMostHeldBytes = std::size_t{128} << 20;
  /// `reference`: the classical stack, normalised, a plane a channel.
  TileJoiner(const Grid& grid, const Image& reference, ReconstructionParams::TileRescale rescale,
             Reload reload, std::size_t most_held_bytes = kMostHeldBytes);

  /// Takes the verified tile of an accepted result.
  void accept(const ResultMessage& result, TileFile file);
  /// Forgets what was accepted of the tile; another result is accepted later. What was added already is added
  /// again, from the start.
  void revoke(int tile_id);
  /// A tile that has failed for good: a hole where no other tile reaches. After the last accept.
  void skip(int tile_id);
  /// Adds what is left and returns the joined image, a CoaddChannel a channel. Every tile must have been
  /// accepted or skipped.
  std::vector<CoaddChannel> finish();

  /// [channel][tile][frame]; empty for a skipped tile
  const std::vector<std::vector<std::vector<double>>>& quality() const { return quality_; }
  const std::vector<std::vector<std::vector<double>>>& frame_weight() const { return frame_weight_; }
  /// Pixels rejected below and above, summed over tiles, [channel][frame]; overlaps count once a tile.
  std::vector<std::vector<double>> rejected_low() const { return sums_over_tiles(rejected_low_); }
  std::vector<std::vector<double>> rejected_high() const { return sums_over_tiles(rejected_high_); }
  /// [channel][tile]: what the overlap-add applied; valid after finish().
  const std::vector<std::vector<TileScale>>& scales() const { return scales_; }
  /// [tile]; without data_checksum for a skipped one
  const std::vector<ResultMessage>& results() const { return results_; }

 private:
  using FrameTables = std::vector<std::vector<std::vector<double>>>;  // [channel][tile][frame]
  void begin();
  void add(const TileFile& file);
  void drain();
  void drain_for_now();
  std::vector<std::vector<double>> sums_over_tiles(const FrameTables& counts) const;

  const Grid* grid_;
  const Image* reference_;
  ReconstructionParams::TileRescale rescale_;
  Reload reload_;
  std::vector<OverlapAdd> sums_;
  int next_ = 0;
  std::vector<bool> arrived_, skipped_;
  std::vector<ResultMessage> results_;
  std::map<int, TileFile> held_;
  std::size_t held_bytes_ = 0, most_held_bytes_, frames_ = 0;
  FrameTables quality_, frame_weight_, rejected_low_, rejected_high_;
  std::vector<std::vector<TileScale>> scales_;
};

/// [tile] median and background of plane `p` of each result; NaN for a tile without a result.
std::pair<std::vector<double>, std::vector<double>> plane_scalars(const std::vector<ResultMessage>& results,
                                                                  std::size_t p);

/// A tile of which there is nothing to join.
inline bool failed_for_good(const ResultMessage& result) { return result.data_checksum.empty(); }

/// Memory that the planes of a tile take.
std::size_t planes_bytes(const TileFile& file);

/// A plane of a tile file as the overlap-add takes it.
CoaddTile coadd_tile(const TileFile& file, std::size_t plane);

}  // namespace tilecompile
