#include "tilecompile/run/tile_metrics.hpp"

#include "tilecompile/tile/tile_diagnostics.hpp"

namespace tilecompile {
namespace {

void append(std::vector<double>& all, const std::vector<double>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

}  // namespace

TileMetricsFile tile_metrics(const TileJoiner& joiner, const Grid& grid, const FrameMetrics& metrics,
                             const GridParams& params) {
  TileMetricsFile file;
  file.channels = metrics.channel_count();
  file.frames = metrics.frame_count();
  const auto channels = static_cast<std::size_t>(file.channels);
  for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
    const ResultMessage& result = joiner.results()[t];
    TileMetricsFile::Tile tile;
    tile.tile_id = static_cast<int>(t);
    tile.box = grid.tiles[t];
    tile.kind = tile_kind_name(
        tile_kind(stars_in_tile(tile.box, metrics.stars, metrics.star_radius_px).size(), params));
    tile.sum_weights = result.sum_weights;
    tile.tile_background = result.tile_background;
    tile.tile_median = result.tile_median;
    for (std::size_t c = 0; c < channels; ++c) {
      const TileScale& scale = joiner.scales()[c][t];
      tile.n_eff.push_back(effective_frames(joiner.frame_weight()[c][t]));
      tile.fallback_used.push_back(result.fallback_used);
      tile.scale.push_back(scale.scale);
      tile.offset.push_back(scale.background * (1 - scale.scale) + scale.offset);
    }
    file.tiles.push_back(std::move(tile));
  }
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t t = 0; t < grid.tiles.size(); ++t) {
      append(file.quality, joiner.quality()[c][t]);
      append(file.weight, joiner.frame_weight()[c][t]);
    }
  return file;
}

}  // namespace tilecompile
