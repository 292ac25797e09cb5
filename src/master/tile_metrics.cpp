#include "tile_metrics.hpp"

#include <cmath>

#include "tilecompile/coadd/tile_diagnostics.hpp"

namespace tilecompile {
namespace {

// A tile that failed for good has NaN in every column.
void append(std::vector<double>& all, const std::vector<double>& part, int frames) {
  if (part.empty())
    all.insert(all.end(), static_cast<std::size_t>(frames), std::nan(""));
  else
    all.insert(all.end(), part.begin(), part.end());
}

std::vector<double> or_nan(const std::vector<double>& values, std::size_t channels) {
  return values.empty() ? std::vector<double>(channels, std::nan("")) : values;
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
    tile.sum_weights = or_nan(result.sum_weights, channels);
    tile.tile_background = or_nan(result.tile_background, channels);
    tile.tile_median = or_nan(result.tile_median, channels);
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
      append(file.quality, joiner.quality()[c][t], file.frames);
      append(file.weight, joiner.frame_weight()[c][t], file.frames);
    }
  return file;
}

}  // namespace tilecompile
