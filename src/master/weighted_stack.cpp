#include "weighted_stack.hpp"

#include <cmath>

#include "tilecompile/coadd/stack.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/master/tile_joiner.hpp"

namespace tilecompile {
namespace {

using Rescale = ReconstructionParams::TileRescale;

// The synthetic frames of a run, tile by tile.
struct SyntheticTiles {
  const LoadTile& load;
  const Grid& grid;
  const std::vector<ResultMessage>& results;
  std::size_t channels;

  /// The averaged tile, a CoaddChannel a channel.
  std::vector<CoaddChannel> average(std::size_t t) const {
    const TileFile file = load(results[t]);
    std::vector<CoaddChannel> tile;
    for (std::size_t c = 0; c < channels; ++c) {
      std::vector<CoaddTile> parts;
      for (std::size_t p = c; p < file.pixels.size(); p += channels) parts.push_back(coadd_tile(file, p));
      tile.push_back(weighted_average(parts));
    }
    return tile;
  }
};

// Scales of the v2 mode, which need the medians of all tiles first; [channel][tile].
std::vector<std::vector<TileScale>> all_median_scales(const SyntheticTiles& tiles) {
  std::vector<std::vector<double>> medians(tiles.channels), backgrounds(tiles.channels);
  Distribution samples;
  for (std::size_t t = 0; t < tiles.results.size(); ++t) {
    if (failed_for_good(tiles.results[t])) {  // NaN: such a tile does not count
      for (std::size_t c = 0; c < tiles.channels; ++c) {
        medians[c].push_back(std::nan(""));
        backgrounds[c].push_back(std::nan(""));
      }
      continue;
    }
    const auto tile = tiles.average(t);
    for (std::size_t c = 0; c < tiles.channels; ++c) {
      samples.assign(tile[c].pixels.view(), 0);
      backgrounds[c].push_back(clipped_location(samples, 0));
      medians[c].push_back(samples.count() == 0 ? 0 : samples.median() - backgrounds[c].back());
    }
  }
  std::vector<std::vector<TileScale>> scales;
  for (std::size_t c = 0; c < tiles.channels; ++c)
    scales.push_back(median_scales(medians[c], backgrounds[c]));
  return scales;
}

}  // namespace

std::vector<CoaddChannel> join_weighted_stack(const LoadTile& load, const Grid& grid,
                                              const std::vector<ResultMessage>& results,
                                              const Image& reference, Rescale rescale) {
  const SyntheticTiles tiles{load, grid, results, reference.size()};
  std::vector<std::vector<TileScale>> scales(reference.size(), std::vector<TileScale>(results.size()));
  if (rescale == Rescale::kMedianAfterBackgroundSubtraction) scales = all_median_scales(tiles);
  std::vector<OverlapAdd> sums(reference.size(), OverlapAdd(grid));
  for (std::size_t t = 0; t < results.size(); ++t) {
    if (failed_for_good(results[t])) continue;
    const auto tile = tiles.average(t);
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (rescale == Rescale::kReference)
        scales[c][t] = reference_scale(tile[c].pixels.view(), reference[c].view(grid.tiles[t]));
      sums[c].add(
          static_cast<int>(t),
          {&tile[c].pixels, &tile[c].coverage, &tile[c].weight, &tile[c].variance, &tile[c].effective_frames},
          scales[c][t]);
    }
  }
  std::vector<CoaddChannel> stack;
  for (OverlapAdd& sum : sums) stack.push_back(sum.finish());
  return stack;
}

}  // namespace tilecompile
