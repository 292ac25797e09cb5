#include "tilecompile/coadd/overlap_add.hpp"

#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {

std::vector<double> axis_window(int size, bool at_start, bool at_end) {
  std::vector<double> window = hann_window(size);
  for (int i = 0; i < size; ++i) {
    const bool first_half = 2 * i + 1 <= size;  // an odd size's centre has the value 1 anyway
    if ((first_half && at_start) || (!first_half && at_end)) window[static_cast<std::size_t>(i)] = 1;
  }
  return window;
}

OverlapAdd::OverlapAdd(const Grid& grid)
    : grid_(&grid),
      value_(grid.image_width, grid.image_height),
      value_window_(grid.image_width, grid.image_height),
      variance_(grid.image_width, grid.image_height),
      weight_(grid.image_width, grid.image_height),
      weight_window_(grid.image_width, grid.image_height),
      effective_frames_(grid.image_width, grid.image_height),
      coverage_(grid.image_width, grid.image_height) {}

void OverlapAdd::add(int tile_id, const CoaddTile& tile, const TileScale& scale) {
  if (tile_id < next_tile_ || tile_id >= static_cast<int>(grid_->tiles.size()))
    throw ContractError("overlap-add: tile " + std::to_string(tile_id) + " out of order");
  next_tile_ = tile_id + 1;
  const Box& box = grid_->tiles[static_cast<std::size_t>(tile_id)];
  const auto across = axis_window(box.w, box.x0 == 0, box.x1() == grid_->image_width);
  const auto down = axis_window(box.h, box.y0 == 0, box.y1() == grid_->image_height);
  for (int y = 0; y < box.h; ++y) {
    const float* pixels = tile.pixels->row(y);
    double *value = value_.row(box.y0 + y) + box.x0, *value_window = value_window_.row(box.y0 + y) + box.x0;
    double *weight = weight_.row(box.y0 + y) + box.x0,
           *weight_window = weight_window_.row(box.y0 + y) + box.x0;
    double *variance = variance_.row(box.y0 + y) + box.x0,
           *effective_frames = effective_frames_.row(box.y0 + y) + box.x0;
    std::int32_t* coverage = coverage_.row(box.y0 + y) + box.x0;
    for (int x = 0; x < box.w; ++x) {
      const double window = down[static_cast<std::size_t>(y)] * across[static_cast<std::size_t>(x)];
      weight[x] += window * tile.weight->at(x, y);
      weight_window[x] += window;
      effective_frames[x] += window * tile.effective_frames->at(x, y);
      coverage[x] = tile.coverage->at(x, y);
      if (pixels[x] != pixels[x]) continue;
      value[x] +=
          window * ((pixels[x] - scale.background) * scale.scale + scale.background + scale.offset);
      variance[x] += window * scale.scale * scale.scale * tile.variance->at(x, y);
      value_window[x] += window;
    }
  }
}

CoaddChannel OverlapAdd::finish() const {
  const int w = grid_->image_width, h = grid_->image_height;
  const Plane<float> nothing(w, h, std::numeric_limits<float>::quiet_NaN());
  CoaddChannel result{nothing, coverage_, Plane<float>(w, h), nothing, Plane<float>(w, h)};
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      if (value_window_.at(x, y) > 0) {
        result.pixels.at(x, y) = static_cast<float>(value_.at(x, y) / value_window_.at(x, y));
        result.variance.at(x, y) = static_cast<float>(variance_.at(x, y) / value_window_.at(x, y));
      }
      if (weight_window_.at(x, y) > 0) {
        result.weight.at(x, y) = static_cast<float>(weight_.at(x, y) / weight_window_.at(x, y));
        result.effective_frames.at(x, y) =
            static_cast<float>(effective_frames_.at(x, y) / weight_window_.at(x, y));
      }
    }
  return result;
}

}  // namespace tilecompile
