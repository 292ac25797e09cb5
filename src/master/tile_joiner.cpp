#include "tilecompile/master/tile_joiner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// Most tiles of most methods reject nothing: then nothing is kept.
std::vector<double> counts_to_keep(std::vector<double>&& counts) {
  const bool any = std::any_of(counts.begin(), counts.end(), [](double n) { return n != 0; });
  return any ? std::move(counts) : std::vector<double>();
}

}  // namespace

// Whole numbers far below 2^53: exact in any order.
std::vector<std::vector<double>> TileJoiner::sums_over_tiles(const FrameTables& counts) const {
  std::vector<std::vector<double>> sums(counts.size(), std::vector<double>(frames_));
  for (std::size_t c = 0; c < counts.size(); ++c)
    for (const std::vector<double>& tile : counts[c])
      for (std::size_t f = 0; f < tile.size(); ++f) sums[c][f] += tile[f];
  return sums;
}

std::pair<std::vector<double>, std::vector<double>> plane_scalars(const std::vector<ResultMessage>& results,
                                                                  std::size_t p) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  std::pair<std::vector<double>, std::vector<double>> scalars;
  for (const ResultMessage& r : results) {
    const bool there = !r.tile_median.empty();
    scalars.first.push_back(there ? r.tile_median[p] : none);
    scalars.second.push_back(there ? r.tile_background[p] : none);
  }
  return scalars;
}

std::size_t planes_bytes(const TileFile& file) {
  constexpr std::size_t kSampleBytes = 4 * sizeof(float) + sizeof(std::int32_t);  // of all planes at a pixel
  const std::size_t light = file.light_low.empty() ? 0 : 2 * sizeof(float);
  return file.box.area() * file.pixels.size() * (kSampleBytes + light);
}

CoaddTile coadd_tile(const TileFile& file, std::size_t plane) {
  CoaddTile tile{&file.pixels[plane], &file.coverage[plane], &file.weight[plane], &file.variance[plane],
                 &file.effective_frames[plane]};
  if (!file.light_low.empty()) {
    tile.light_low = &file.light_low[plane];
    tile.light_high = &file.light_high[plane];
  }
  return tile;
}

TileJoiner::TileJoiner(const Grid& grid, const Image& reference, ReconstructionParams::TileRescale rescale,
                       Reload reload, std::size_t most_held_bytes)
    : grid_(&grid),
      reference_(&reference),
      rescale_(rescale),
      reload_(std::move(reload)),
      arrived_(grid.tiles.size()),
      skipped_(grid.tiles.size()),
      results_(grid.tiles.size()),
      most_held_bytes_(most_held_bytes),
      quality_(reference.size(), std::vector<std::vector<double>>(grid.tiles.size())),
      frame_weight_(quality_),
      rejected_low_(quality_),
      rejected_high_(quality_),
      scales_(reference.size(), std::vector<TileScale>(grid.tiles.size())) {
  begin();
}

void TileJoiner::begin() {
  sums_.clear();
  for (std::size_t c = 0; c < reference_->size(); ++c) sums_.emplace_back(*grid_);
  next_ = 0;
}

void TileJoiner::add(const TileFile& file) {
  const auto t = static_cast<std::size_t>(next_);
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    if (rescale_ == ReconstructionParams::TileRescale::kReference)
      scales_[c][t] = reference_scale(file.pixels[c].view(), (*reference_)[c].view(grid_->tiles[t]));
    sums_[c].add(next_, coadd_tile(file, c), scales_[c][t]);
  }
  ++next_;
}

void TileJoiner::accept(const ResultMessage& result, TileFile file) {
  const auto t = static_cast<std::size_t>(result.tile_id);
  frames_ = file.frame_weight.front().size();
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    rejected_low_[c][t] = counts_to_keep(std::move(file.rejected_low[c]));
    rejected_high_[c][t] = counts_to_keep(std::move(file.rejected_high[c]));
    quality_[c][t] = std::move(file.quality[c]);
    frame_weight_[c][t] = std::move(file.frame_weight[c]);
  }
  arrived_[t] = true;
  results_[t] = result;
  // The v2 rescale needs the median over all tiles, so nothing can be added before the last one is there.
  if (rescale_ == ReconstructionParams::TileRescale::kMedianAfterBackgroundSubtraction) return;
  const std::size_t bytes = planes_bytes(file);
  if (result.tile_id == next_ || held_bytes_ + bytes <= most_held_bytes_) {
    held_bytes_ += bytes;
    held_.emplace(result.tile_id, std::move(file));
  }
  drain_for_now();
}

void TileJoiner::revoke(int tile_id) {
  const auto t = static_cast<std::size_t>(tile_id);
  arrived_[t] = false;
  results_[t] = {};
  if (const auto held = held_.find(tile_id); held != held_.end()) {
    held_bytes_ -= planes_bytes(held->second);
    held_.erase(held);
  }
  if (tile_id >= next_) return;
  begin();
}

void TileJoiner::skip(int tile_id) {
  arrived_[static_cast<std::size_t>(tile_id)] = skipped_[static_cast<std::size_t>(tile_id)] = true;
  if (rescale_ == ReconstructionParams::TileRescale::kNone) drain_for_now();
}

// While two results contradict each other, the object of the wrong one may lie in the other's place.
void TileJoiner::drain_for_now() {
  try {
    drain();
  } catch (const InputError&) {
    log_debug("a tile is added later: its object is another one now", {{"tile_id", std::to_string(next_)}});
  }
}

void TileJoiner::drain() {
  while (next_ < static_cast<int>(arrived_.size()) && arrived_[static_cast<std::size_t>(next_)]) {
    if (skipped_[static_cast<std::size_t>(next_)]) {
      ++next_;
      continue;
    }
    const auto held = held_.find(next_);
    if (held == held_.end()) {
      add(reload_(results_[static_cast<std::size_t>(next_)]));
    } else {
      add(held->second);
      held_bytes_ -= planes_bytes(held->second);
      held_.erase(held);
    }
  }
}

std::vector<CoaddChannel> TileJoiner::finish() {
  for (const bool arrived : arrived_)
    if (!arrived) throw ContractError("joining tiles before all have arrived");
  if (rescale_ == ReconstructionParams::TileRescale::kMedianAfterBackgroundSubtraction) {
    for (std::size_t c = 0; c < sums_.size(); ++c) {
      const auto [medians, backgrounds] = plane_scalars(results_, c);
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
