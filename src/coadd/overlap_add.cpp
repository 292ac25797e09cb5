#include "tilecompile/coadd/overlap_add.hpp"

#include <algorithm>
#include <limits>
#include <utility>

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
      value_(grid.image_width, std::min(grid.size, grid.image_height)),
      value_window_(value_),
      variance_(value_),
      weight_(value_),
      weight_window_(value_),
      effective_frames_(value_),
      result_{Plane<float>(grid.image_width, grid.image_height, std::numeric_limits<float>::quiet_NaN()),
              Plane<std::int32_t>(grid.image_width, grid.image_height),
              Plane<float>(grid.image_width, grid.image_height),
              {},
              {}} {
  result_.variance = result_.pixels;
  result_.effective_frames = result_.weight;
  for (const bool start : {false, true})
    for (const bool end : {false, true}) window_[start][end] = axis_window(grid.size, start, end);
}

void OverlapAdd::add(int tile_id, const CoaddTile& tile, const TileScale& scale) {
  if (tile_id < next_tile_ || tile_id >= static_cast<int>(grid_->tiles.size()))
    throw ContractError("overlap-add: tile " + std::to_string(tile_id) + " out of order");
  next_tile_ = tile_id + 1;
  const Box& box = grid_->tiles[static_cast<std::size_t>(tile_id)];
  complete_rows(box.y0);
  if (tile.light_low && light_low_.empty()) {
    light_low_ = light_high_ = Plane<double>(value_.width(), value_.height());
    result_.light_low = result_.light_high = Plane<float>(grid_->image_width, grid_->image_height);
  }
  const auto& across = window_[box.x0 == 0][box.x1() == grid_->image_width];
  const auto& down = window_[box.y0 == 0][box.y1() == grid_->image_height];
  for (int y = 0; y < box.h; ++y)
    add_row(y, tile, box, scale, down[static_cast<std::size_t>(y)], across.data());
  for (int y = 0; y < box.h && tile.light_low; ++y)
    add_light(y, tile, box, scale.scale, down[static_cast<std::size_t>(y)], across.data());
}

void OverlapAdd::add_light(int y, const CoaddTile& tile, const Box& box, double scale, double down,
                           const double* across) {
  const int kept = (box.y0 + y) % value_.height();
  const float *of_low = tile.light_low->row(y), *of_high = tile.light_high->row(y);
  double *low = light_low_.row(kept) + box.x0, *high = light_high_.row(kept) + box.x0;
  for (int x = 0; x < box.w; ++x) {
    low[x] += down * across[x] * scale * of_low[x];
    high[x] += down * across[x] * scale * of_high[x];
  }
}

// Before the windows of the row are cleared.
void OverlapAdd::complete_light(int row) {
  const int kept = row % value_.height();
  const double* window = weight_window_.row(kept);
  double *low = light_low_.row(kept), *high = light_high_.row(kept);
  for (int x = 0; x < value_.width(); ++x) {
    if (window[x] > 0) {
      result_.light_low.at(x, row) = static_cast<float>(low[x] / window[x]);
      result_.light_high.at(x, row) = static_cast<float>(high[x] / window[x]);
    }
    low[x] = high[x] = 0;
  }
}

void OverlapAdd::add_row(int y, const CoaddTile& tile, const Box& box, const TileScale& scale, double down,
                         const double* across) {
  const int kept = (box.y0 + y) % value_.height();
  const float *pixels = tile.pixels->row(y), *of_tile = tile.weight->row(y);
  const float *tile_variance = tile.variance->row(y), *tile_frames = tile.effective_frames->row(y);
  const std::int32_t* covered = tile.coverage->row(y);
  double *value = value_.row(kept) + box.x0, *value_window = value_window_.row(kept) + box.x0;
  double *weight = weight_.row(kept) + box.x0, *weight_window = weight_window_.row(kept) + box.x0;
  double *variance = variance_.row(kept) + box.x0, *frames = effective_frames_.row(kept) + box.x0;
  std::int32_t* coverage = result_.coverage.row(box.y0 + y) + box.x0;
  for (int x = 0; x < box.w; ++x) {
    const double window = down * across[x];
    weight[x] += window * of_tile[x];
    weight_window[x] += window;
    frames[x] += window * tile_frames[x];
    coverage[x] = covered[x];
    if (pixels[x] != pixels[x]) continue;
    value[x] += window * ((pixels[x] - scale.background) * scale.scale + scale.background + scale.offset);
    variance[x] += window * scale.scale * scale.scale * tile_variance[x];
    value_window[x] += window;
  }
}

// Rounds the rows above `end` and clears their sums for the rows that come next.
void OverlapAdd::complete_rows(int end) {
  for (; first_row_ < end; ++first_row_) {
    if (!light_low_.empty()) complete_light(first_row_);
    const int kept = first_row_ % value_.height();
    double *value = value_.row(kept), *value_window = value_window_.row(kept);
    double *weight = weight_.row(kept), *weight_window = weight_window_.row(kept);
    double *variance = variance_.row(kept), *frames = effective_frames_.row(kept);
    float *pixels = result_.pixels.row(first_row_), *of_image = result_.weight.row(first_row_);
    float* image_variance = result_.variance.row(first_row_);
    float* image_frames = result_.effective_frames.row(first_row_);
    for (int x = 0; x < value_.width(); ++x) {
      if (value_window[x] > 0) {
        pixels[x] = static_cast<float>(value[x] / value_window[x]);
        image_variance[x] = static_cast<float>(variance[x] / value_window[x]);
      }
      if (weight_window[x] > 0) {
        of_image[x] = static_cast<float>(weight[x] / weight_window[x]);
        image_frames[x] = static_cast<float>(frames[x] / weight_window[x]);
      }
      value[x] = value_window[x] = variance[x] = weight[x] = weight_window[x] = frames[x] = 0;
    }
  }
}

CoaddChannel OverlapAdd::finish() {
  complete_rows(grid_->image_height);
  return std::move(result_);
}

}  // namespace tilecompile
