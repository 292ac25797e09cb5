#include "tilecompile/coadd/overlap_add.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

}  // namespace

std::vector<double> axis_window(int size, bool at_start, bool at_end) {
  std::vector<double> window = hann_window(size);
  for (int i = 0; i < size; ++i) {
    const bool first_half = 2 * i + 1 <= size;  // an odd size's centre has the value 1 anyway
    if ((first_half && at_start) || (!first_half && at_end)) window[static_cast<std::size_t>(i)] = 1;
  }
  return window;
}

CoaddChannel empty_channel(int width, int height) {
  return {Plane<float>(width, height, kNoValue), Plane<std::int32_t>(width, height),
          Plane<float>(width, height), Plane<float>(width, height, kNoValue), Plane<float>(width, height)};
}

OverlapRows::OverlapRows(const Grid& grid)
    : grid_(&grid),
      value_(grid.image_width, std::min(grid.size, grid.image_height)),
      value_window_(value_),
      variance_(value_),
      weight_(value_),
      weight_window_(value_),
      effective_frames_(value_),
      coverage_(value_.width(), value_.height()) {
  for (const bool start : {false, true})
    for (const bool end : {false, true}) window_[start][end] = axis_window(grid.size, start, end);
}

std::size_t OverlapRows::size_bytes(const Grid& grid) {
  return static_cast<std::size_t>(grid.image_width) *
         static_cast<std::size_t>(std::min(grid.size, grid.image_height)) *
         (6 * sizeof(double) + sizeof(std::int32_t));
}

void OverlapRows::add(int tile_id, const CoaddTile& tile, const TileScale& scale) {
  if (tile_id < next_tile_ || tile_id >= static_cast<int>(grid_->tiles.size()))
    throw ContractError("overlap-add: tile " + std::to_string(tile_id) + " out of order");
  const Box& box = grid_->tiles[static_cast<std::size_t>(tile_id)];
  if (box.y0 < first_row_ || box.y1() > first_row_ + value_.height())
    throw ContractError("overlap-add: tile " + std::to_string(tile_id) + " lies outside of the rows of sums");
  next_tile_ = tile_id + 1;
  if (tile.light_low && light_low_.empty())
    light_low_ = light_high_ = Plane<double>(value_.width(), value_.height());
  const auto& across = window_[box.x0 == 0][box.x1() == grid_->image_width];
  const auto& down = window_[box.y0 == 0][box.y1() == grid_->image_height];
  for (int y = 0; y < box.h; ++y)
    add_row(y, tile, box, scale, down[static_cast<std::size_t>(y)], across.data());
  for (int y = 0; y < box.h && tile.light_low; ++y)
    add_light(y, tile, box, scale.scale, down[static_cast<std::size_t>(y)], across.data());
}

void OverlapRows::add_light(int y, const CoaddTile& tile, const Box& box, double scale, double down,
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
void OverlapRows::complete_light(int row, CoaddChannel& into, int at) {
  const int kept = row % value_.height();
  const double* window = weight_window_.row(kept);
  double *low = light_low_.row(kept), *high = light_high_.row(kept);
  for (int x = 0; x < value_.width(); ++x) {
    if (window[x] > 0) {
      into.light_low.at(x, at) = static_cast<float>(low[x] / window[x]);
      into.light_high.at(x, at) = static_cast<float>(high[x] / window[x]);
    }
    low[x] = high[x] = 0;
  }
}

void OverlapRows::add_row(int y, const CoaddTile& tile, const Box& box, const TileScale& scale, double down,
                          const double* across) {
  const int kept = (box.y0 + y) % value_.height();
  const float *pixels = tile.pixels->row(y), *of_tile = tile.weight->row(y);
  const float *tile_variance = tile.variance->row(y), *tile_frames = tile.effective_frames->row(y);
  const std::int32_t* covered = tile.coverage->row(y);
  double *value = value_.row(kept) + box.x0, *value_window = value_window_.row(kept) + box.x0;
  double *weight = weight_.row(kept) + box.x0, *weight_window = weight_window_.row(kept) + box.x0;
  double *variance = variance_.row(kept) + box.x0, *frames = effective_frames_.row(kept) + box.x0;
  std::int32_t* coverage = coverage_.row(kept) + box.x0;
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

void OverlapRows::complete(int end, CoaddChannel& into, int at) {
  for (; first_row_ < end; ++first_row_, ++at) {
    if (has_light()) complete_light(first_row_, into, at);
    const int kept = first_row_ % value_.height();
    double *value = value_.row(kept), *value_window = value_window_.row(kept);
    double *weight = weight_.row(kept), *weight_window = weight_window_.row(kept);
    double *variance = variance_.row(kept), *frames = effective_frames_.row(kept);
    float *pixels = into.pixels.row(at), *of_image = into.weight.row(at);
    float *image_variance = into.variance.row(at), *image_frames = into.effective_frames.row(at);
    std::copy_n(coverage_.row(kept), value_.width(), into.coverage.row(at));
    std::fill_n(coverage_.row(kept), value_.width(), 0);
    for (int x = 0; x < value_.width(); ++x) {
      const bool has_value = value_window[x] > 0, has_weight = weight_window[x] > 0;
      pixels[x] = has_value ? static_cast<float>(value[x] / value_window[x]) : kNoValue;
      image_variance[x] = has_value ? static_cast<float>(variance[x] / value_window[x]) : kNoValue;
      of_image[x] = has_weight ? static_cast<float>(weight[x] / weight_window[x]) : 0.0F;
      image_frames[x] = has_weight ? static_cast<float>(frames[x] / weight_window[x]) : 0.0F;
      value[x] = value_window[x] = variance[x] = weight[x] = weight_window[x] = frames[x] = 0;
    }
  }
}

OverlapAdd::OverlapAdd(const Grid& grid)
    : grid_(&grid), rows_(grid), result_(empty_channel(grid.image_width, grid.image_height)) {}

void OverlapAdd::add(int tile_id, const CoaddTile& tile, const TileScale& scale) {
  const auto t = static_cast<std::size_t>(tile_id);
  if (tile_id >= 0 && t < grid_->tiles.size()) rows_.complete(grid_->tiles[t].y0, result_, rows_.completed());
  rows_.add(tile_id, tile, scale);
  if (rows_.has_light() && result_.light_low.empty())
    result_.light_low = result_.light_high = Plane<float>(grid_->image_width, grid_->image_height);
}

CoaddChannel OverlapAdd::finish() {
  rows_.complete(grid_->image_height, result_, rows_.completed());
  return std::move(result_);
}

}  // namespace tilecompile
