#include "tilecompile/run/tile_joiner.hpp"

#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostHeldTiles = 256;
constexpr double kSmallestMedian = 1e-6;

}  // namespace

std::vector<TileScale> median_scales(const std::vector<double>& tile_median, const std::vector<double>& tile_background) {
  const double target = median(tile_median);
  std::vector<TileScale> scales(tile_median.size());
  for (std::size_t t = 0; t < scales.size(); ++t) {
    const bool usable = std::abs(tile_median[t]) >= kSmallestMedian;
    scales[t] = {usable ? target / tile_median[t] : 1, tile_background[t]};
  }
  return scales;
}

TileJoiner::TileJoiner(const Grid& grid, int channels, ReconstructionParams::TileRescale rescale, Reload reload)
    : grid_(&grid),
      rescale_(rescale),
      reload_(std::move(reload)),
      sums_(static_cast<std::size_t>(channels), OverlapAdd(grid)),
      arrived_(grid.tiles.size()),
      quality_(static_cast<std::size_t>(channels), std::vector<std::vector<double>>(grid.tiles.size())),
      frame_weight_(quality_),
      scale_(static_cast<std::size_t>(channels), std::vector<double>(grid.tiles.size(), 1.0)) {}

void TileJoiner::add(int tile_id, const TileFile& file, const std::vector<TileScale>& scales) {
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    sums_[c].add(tile_id, {&file.pixels[c], &file.coverage[c], &file.weight[c]}, scales[c]);
    scale_[c][static_cast<std::size_t>(tile_id)] = scales[c].scale;
  }
}

void TileJoiner::accept(int tile_id, TileFile file) {
  const auto t = static_cast<std::size_t>(tile_id);
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    quality_[c][t] = std::move(file.quality[c]);
    frame_weight_[c][t] = std::move(file.frame_weight[c]);
  }
  arrived_[t] = true;
  // The v2 rescale needs the median over all tiles, so nothing can be added before the last one is there.
  if (rescale_ != ReconstructionParams::TileRescale::kNone) return;
  if (tile_id == next_ || held_.size() < kMostHeldTiles) held_.emplace(tile_id, std::move(file));
  drain();
}

void TileJoiner::drain() {
  const std::vector<TileScale> unscaled(sums_.size());
  while (next_ < static_cast<int>(arrived_.size()) && arrived_[static_cast<std::size_t>(next_)]) {
    const auto held = held_.find(next_);
    if (held != held_.end()) {
      add(next_, held->second, unscaled);
      held_.erase(held);
    } else {
      add(next_, reload_(next_), unscaled);
    }
    ++next_;
  }
}

std::vector<std::vector<TileScale>> TileJoiner::tile_scales(const TileLedger& ledger) const {
  std::vector<std::vector<TileScale>> scales;
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    std::vector<double> medians, backgrounds;
    for (int t = 0; t < ledger.tile_count(); ++t) {
      medians.push_back(ledger.result(t).tile_median[c]);
      backgrounds.push_back(ledger.result(t).tile_background[c]);
    }
    scales.push_back(median_scales(medians, backgrounds));
  }
  return scales;
}

std::vector<CoaddChannel> TileJoiner::finish(const TileLedger& ledger) {
  if (!ledger.complete()) throw ContractError("joining tiles before all have arrived");
  if (rescale_ != ReconstructionParams::TileRescale::kNone) {
    const auto scales = tile_scales(ledger);
    for (; next_ < ledger.tile_count(); ++next_) {
      std::vector<TileScale> of_tile;
      for (const auto& channel : scales) of_tile.push_back(channel[static_cast<std::size_t>(next_)]);
      add(next_, reload_(next_), of_tile);
    }
  }
  std::vector<CoaddChannel> channels;
  for (const OverlapAdd& sum : sums_) channels.push_back(sum.finish());
  return channels;
}

}  // namespace tilecompile
