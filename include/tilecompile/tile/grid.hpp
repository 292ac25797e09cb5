#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

enum class TileKind { kStar, kStructure };
/// "STAR" or "STRUCTURE".
const char* tile_kind_name(TileKind kind);

/// The tiles of an image: equal squares of side `size` (the whole shorter side for a small image), `step`
/// apart, the last ones moved back to end at the image's edge. Numbered row by row; the number is the
/// tile_id.
struct Grid {
  int image_width = 0, image_height = 0;
  int size = 0, overlap = 0, step = 0;
  std::vector<Box> tiles;
};

/// Builds the grid from the seeing F (`methodology.md` 6). Throws UsageError for an overlap outside 0..0.5.
Grid build_grid(int image_width, int image_height, double seeing_px, const GridParams& params);

/// Indices of the stars whose measuring box lies inside `tile`, ascending.
std::vector<int> stars_in_tile(const Box& tile, const std::vector<ReferenceStar>& stars, int star_radius_px);
/// STAR with at least star_min_count such stars, else STRUCTURE.
TileKind tile_kind(std::size_t star_count, const GridParams& params);

/// The bytes of grid.json: tile_id, x0, y0, w, h, kind, n_stars for every tile.
std::string encode_grid(const Grid& grid, const FrameMetrics& metrics, const GridParams& params);

}  // namespace tilecompile
