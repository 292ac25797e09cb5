#include "tilecompile/tile/grid.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// 0, S, 2S, ... while the tile fits, and one that ends at the edge if that is not covered yet.
std::vector<int> starts(int length, int size, int step) {
  std::vector<int> result;
  for (int start = 0; start + size <= length; start += step) result.push_back(start);
  if (result.back() + size < length) result.push_back(length - size);
  return result;
}

}  // namespace

const char* tile_kind_name(TileKind kind) { return kind == TileKind::kStar ? "STAR" : "STRUCTURE"; }

Grid build_grid(int image_width, int image_height, double seeing_px, const GridParams& params) {
  if (!(params.overlap_fraction >= 0 && params.overlap_fraction <= 0.5))
    throw UsageError("tile.overlap_fraction must lie between 0 and 0.5");
  Grid grid;
  grid.image_width = image_width;
  grid.image_height = image_height;
  const int shorter = std::min(image_width, image_height);
  const int smallest = std::max(16, params.min_size);
  const double largest = std::floor(shorter / params.max_divisor);
  // The upper bound wins inside the clip; the lower one is enforced right after (`methodology.md` 6).
  const double clipped =
      std::min(std::max(params.size_factor * seeing_px, static_cast<double>(smallest)), largest);
  grid.size = std::max(static_cast<int>(std::floor(clipped)), smallest);
  grid.overlap = static_cast<int>(std::floor(params.overlap_fraction * grid.size));
  if (shorter < grid.size) {
    grid.size = shorter;
    grid.overlap = 0;
  }
  grid.step = grid.size - grid.overlap;
  const auto columns = starts(image_width, grid.size, grid.step);
  for (int y : starts(image_height, grid.size, grid.step))
    for (int x : columns) grid.tiles.push_back({x, y, grid.size, grid.size});
  return grid;
}

std::vector<int> stars_in_tile(const Box& tile, const std::vector<ReferenceStar>& stars, int star_radius_px) {
  std::vector<int> inside;
  for (std::size_t i = 0; i < stars.size(); ++i) {
    const int x = static_cast<int>(std::floor(stars[i].x + 0.5)),
              y = static_cast<int>(std::floor(stars[i].y + 0.5));
    const Box box{x - star_radius_px, y - star_radius_px, 2 * star_radius_px + 1, 2 * star_radius_px + 1};
    if (tile.contains(box)) inside.push_back(static_cast<int>(i));
  }
  return inside;
}

TileKind tile_kind(std::size_t star_count, const GridParams& params) {
  return star_count >= static_cast<std::size_t>(std::max(1, params.star_min_count)) ? TileKind::kStar
                                                                                    : TileKind::kStructure;
}

std::string encode_grid(const Grid& grid, const FrameMetrics& metrics, const GridParams& params) {
  nlohmann::json tiles = nlohmann::json::array();
  for (std::size_t id = 0; id < grid.tiles.size(); ++id) {
    const Box& t = grid.tiles[id];
    const auto stars = stars_in_tile(t, metrics.stars, metrics.star_radius_px);
    tiles.push_back({{"tile_id", id},
                     {"x0", t.x0},
                     {"y0", t.y0},
                     {"w", t.w},
                     {"h", t.h},
                     {"kind", tile_kind_name(tile_kind(stars.size(), params))},
                     {"n_stars", stars.size()}});
  }
  return nlohmann::json{{"schema", 1},
                        {"image_width", grid.image_width},
                        {"image_height", grid.image_height},
                        {"tile_size", grid.size},
                        {"overlap", grid.overlap},
                        {"step", grid.step},
                        {"seeing_px", metrics.seeing_px},
                        {"tiles", tiles}}
             .dump(1) +
         "\n";
}

}  // namespace tilecompile
