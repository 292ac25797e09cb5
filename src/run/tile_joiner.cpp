#include "tilecompile/run/tile_joiner.hpp"

#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostHeldTiles = 256;
constexpr double kSmallestMedian = 1e-6;

}  // namespace

std::vector<TileScale> median_scales(const std::vector<double>& tile_median,
                                     const std::vector<double>& tile_background) {
  const double target = median(tile_median);
  std::vector<TileScale> scales(tile_median.size());
  for (std::size_t t = 0; t < scales.size(); ++t) {
    const bool usable = std::abs(tile_median[t]) >= kSmallestMedian;
    scales[t] = {usable ? target / tile_median[t] : 1, tile_background[t]};
  }
  return scales;
}

TileJoiner::TileJoiner(const Grid& grid, int channels, ReconstructionParams::TileRescale rescale,
                       Reload reload)
    : grid_(&grid),
      rescale_(rescale),
      reload_(std::move(reload)),
      sums_(static_cast<std::size_t>(channels), OverlapAdd(grid)),
      arrived_(grid.tiles.size()),
      results_(grid.tiles.size()),
      quality_(static_cast<std::size_t>(channels), std::vector<std::vector<double>>(grid.tiles.size())),
      frame_weight_(quality_),
      scales_(static_cast<std::size_t>(channels), std::vector<TileScale>(grid.tiles.size())) {}

void TileJoiner::add(const TileFile& file) {
  const auto t = static_cast<std::size_t>(next_);
  for (std::size_t c = 0; c < sums_.size(); ++c)
    sums_[c].add(next_, {&file.pixels[c], &file.coverage[c], &file.weight[c]}, scales_[c][t]);
  ++next_;
}

void TileJoiner::accept(const ResultMessage& result, TileFile file) {
  const auto t = static_cast<std::size_t>(result.tile_id);
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    quality_[c][t] = std::move(file.quality[c]);
    frame_weight_[c][t] = std::move(file.frame_weight[c]);
  }
  arrived_[t] = true;
  results_[t] = result;
  // The v2 rescale needs the median over all tiles, so nothing can be added before the last one is there.
  if (rescale_ != ReconstructionParams::TileRescale::kNone) return;
  if (result.tile_id == next_ || held_.size() < kMostHeldTiles)
    held_.emplace(result.tile_id, std::move(file));
  drain();
}

void TileJoiner::drain() {
  while (next_ < static_cast<int>(arrived_.size()) && arrived_[static_cast<std::size_t>(next_)]) {
    const auto held = held_.find(next_);
    if (held == held_.end()) {
      add(reload_(results_[static_cast<std::size_t>(next_)]));
    } else {
      add(held->second);
      held_.erase(held);
    }
  }
}

std::vector<CoaddChannel> TileJoiner::finish() {
  for (const bool arrived : arrived_)
    if (!arrived) throw ContractError("joining tiles before all have arrived");
  if (rescale_ != ReconstructionParams::TileRescale::kNone) {
    for (std::size_t c = 0; c < sums_.size(); ++c) {
      std::vector<double> medians, backgrounds;
      for (const ResultMessage& r : results_) {
        medians.push_back(r.tile_median[c]);
        backgrounds.push_back(r.tile_background[c]);
      }
      scales_[c] = median_scales(medians, backgrounds);
    }
  }
  drain();
  std::vector<CoaddChannel> channels;
  for (OverlapAdd& sum : sums_) channels.push_back(sum.finish());
  sums_.clear();
  return channels;
}

}  // namespace tilecompile
