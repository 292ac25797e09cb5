#include "tilecompile/coadd/overlap_add.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr float kNoValue = std::numeric_limits<float>::quiet_NaN();

// What a tile has at every pixel: sums of weights, and effective numbers of frames.
TILECOMPILE_VECTOR_BODY void add_weights_body(const float* of_tile, const float* tile_frames, double down,
                                              const double* across, int n, double* __restrict weight,
                                              double* __restrict frames, double* __restrict window) {
  for (int x = 0; x < n; ++x) {
    const double w = down * across[x];
    weight[x] += w * of_tile[x];
    frames[x] += w * tile_frames[x];
    window[x] += w;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_weights,
                          (const float* of_tile, const float* tile_frames, double down, const double* across,
                           int n, double* weight, double* frames, double* window),
                          (of_tile, tile_frames, down, across, n, weight, frames, window))

// What it has where a pixel has a value.
TILECOMPILE_VECTOR_BODY void add_values_body(const float* pixels, const float* tile_variance,
                                             const TileScale& s, double down, const double* across, int n,
                                             double* __restrict value, double* __restrict variance,
                                             double* __restrict window) {
  const double scale = s.scale, background = s.background, offset = s.offset;
  for (int x = 0; x < n; ++x) {
    const double w = down * across[x];
    const double v = value[x] + w * ((pixels[x] - background) * scale + background + offset);
    const double of_variance = variance[x] + w * scale * scale * tile_variance[x];
    const bool valid = pixels[x] == pixels[x];
    value[x] = valid ? v : value[x];
    variance[x] = valid ? of_variance : variance[x];
    window[x] = valid ? window[x] + w : window[x];
  }
}
TILECOMPILE_VECTOR_LEVELS(add_values,
                          (const float* pixels, const float* tile_variance, const TileScale& s, double down,
                           const double* across, int n, double* value, double* variance, double* window),
                          (pixels, tile_variance, s, down, across, n, value, variance, window))

// Two sums over their window, rounded, `none` where there is no window; the sums begin again.
TILECOMPILE_VECTOR_BODY void round_means_body(double* __restrict a, double* __restrict b,
                                              const double* window, int n, float none,
                                              float* __restrict mean_a, float* __restrict mean_b) {
  for (int x = 0; x < n; ++x) {
    const bool any = window[x] > 0;
    mean_a[x] = any ? static_cast<float>(a[x] / window[x]) : none;
    mean_b[x] = any ? static_cast<float>(b[x] / window[x]) : none;
    a[x] = b[x] = 0;
  }
}
TILECOMPILE_VECTOR_LEVELS(round_means,
                          (double* a, double* b, const double* window, int n, float none, float* mean_a,
                           float* mean_b),
                          (a, b, window, n, none, mean_a, mean_b))

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
      rows_(std::min(grid.size, grid.image_height)),
      sums_(grid.image_width, kSums * rows_),
      coverage_(grid.image_width, rows_) {
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
  if (box.y0 < first_row_ || box.y1() > first_row_ + rows_)
    throw ContractError("overlap-add: tile " + std::to_string(tile_id) + " lies outside of the rows of sums");
  next_tile_ = tile_id + 1;
  if (tile.light_low && light_low_.empty()) light_low_ = light_high_ = Plane<double>(sums_.width(), rows_);
  const auto& across = window_[box.x0 == 0][box.x1() == grid_->image_width];
  const auto& down = window_[box.y0 == 0][box.y1() == grid_->image_height];
  for (int y = 0; y < box.h; ++y)
    add_row(y, tile, box, scale, down[static_cast<std::size_t>(y)], across.data());
  for (int y = 0; y < box.h && tile.light_low; ++y)
    add_light(y, tile, box, scale.scale, down[static_cast<std::size_t>(y)], across.data());
}

void OverlapRows::add_light(int y, const CoaddTile& tile, const Box& box, double scale, double down,
                            const double* across) {
  const int kept = (box.y0 + y) % rows_;
  const float *of_low = tile.light_low->row(y), *of_high = tile.light_high->row(y);
  double *low = light_low_.row(kept) + box.x0, *high = light_high_.row(kept) + box.x0;
  for (int x = 0; x < box.w; ++x) {
    low[x] += down * across[x] * scale * of_low[x];
    high[x] += down * across[x] * scale * of_high[x];
  }
}

void OverlapRows::add_row(int y, const CoaddTile& tile, const Box& box, const TileScale& scale, double down,
                          const double* across) {
  const int row = box.y0 + y, x0 = box.x0;
  add_weights(tile.weight->row(y), tile.effective_frames->row(y), down, across, box.w, sum(kWeight, row) + x0,
              sum(kEffectiveFrames, row) + x0, sum(kWeightWindow, row) + x0);
  add_values(tile.pixels->row(y), tile.variance->row(y), scale, down, across, box.w, sum(kValue, row) + x0,
             sum(kVariance, row) + x0, sum(kValueWindow, row) + x0);
  std::copy_n(tile.coverage->row(y), box.w, coverage_.row(row % rows_) + x0);
}

void OverlapRows::complete(int end, CoaddChannel& into, int at) {
  const int width = sums_.width();
  for (; first_row_ < end; ++first_row_, ++at) {
    const int kept = first_row_ % rows_;
    double *value_window = sum(kValueWindow, kept), *weight_window = sum(kWeightWindow, kept);
    round_means(sum(kValue, kept), sum(kVariance, kept), value_window, width, kNoValue, into.pixels.row(at),
                into.variance.row(at));
    round_means(sum(kWeight, kept), sum(kEffectiveFrames, kept), weight_window, width, 0, into.weight.row(at),
                into.effective_frames.row(at));
    if (has_light())
      round_means(light_low_.row(kept), light_high_.row(kept), weight_window, width, 0,
                  into.light_low.row(at), into.light_high.row(at));
    std::copy_n(coverage_.row(kept), width, into.coverage.row(at));
    std::fill_n(coverage_.row(kept), width, 0);
    std::fill_n(value_window, width, 0.0);
    std::fill_n(weight_window, width, 0.0);
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
