#include "tilecompile/master/synthetic_round.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/master/tile_joiner.hpp"

namespace tilecompile {
namespace {

constexpr int kTilesAThread = 2;              // held decoded at a time
constexpr std::size_t kMostFramesAPass = 32;  // five files of each are open, and of two passes before

// [plane][tile]
std::vector<std::vector<TileScale>> plane_scales(const std::vector<ResultMessage>& results,
                                                 std::size_t planes,
                                                 ReconstructionParams::TileRescale rescale) {
  std::vector<std::vector<TileScale>> scales(planes, std::vector<TileScale>(results.size()));
  if (rescale != ReconstructionParams::TileRescale::kMedianAfterBackgroundSubtraction) return scales;
  for (std::size_t p = 0; p < planes; ++p) {
    const auto [medians, backgrounds] = plane_scalars(results, p);
    scales[p] = median_scales(medians, backgrounds);
  }
  return scales;
}

using PlaneScales = std::vector<std::vector<TileScale>>;

/// Frames first .. first + count - 1, which are joined in one pass over the tiles.
struct FramesOfPass {
  int first = 0, count = 0;
  std::vector<std::unique_ptr<OverlapRows>> sums;  // [frame][channel]
  std::vector<std::vector<CoaddChannel>> rows;     // [frame][channel] that are ready; memory is used again
};

// Adds the tiles begin .. end - 1, of one row of tiles.
void add_tiles(const LoadTile& load, const SyntheticJoin& join, const PlaneScales& scales, int begin, int end,
               FramesOfPass& frames) {
  const int count = end - begin, first_plane = frames.first * join.channels;
  std::vector<std::optional<TileFile>> files(static_cast<std::size_t>(count));
  parallel_for(count, join.threads, [&](int i) {
    const ResultMessage& result = (*join.results)[static_cast<std::size_t>(begin + i)];
    if (!failed_for_good(result)) files[static_cast<std::size_t>(i)] = load(result);
  });
  parallel_for(static_cast<int>(frames.sums.size()), join.threads, [&](int s) {
    const auto plane = static_cast<std::size_t>(first_plane + s);
    for (int i = 0; i < count; ++i) {
      const auto& file = files[static_cast<std::size_t>(i)];
      if (!file) continue;
      const auto t = static_cast<std::size_t>(begin + i);
      TileScale scale = scales[plane][t];
      if (join.rescale == ReconstructionParams::TileRescale::kReference)
        scale = reference_scale(file->pixels[plane].view(),
                                (*join.reference)[plane % join.reference->size()].view(join.grid->tiles[t]));
      frames.sums[static_cast<std::size_t>(s)]->add(begin + i, coadd_tile(*file, plane), scale);
    }
  });
}

// The rows up to `end` are ready.
void hand_over(const SyntheticJoin& join, int end, FramesOfPass& frames, const TakeSyntheticRows& take) {
  const int y0 = frames.sums.front()->completed();
  if (y0 >= end) return;
  const auto channels = static_cast<std::size_t>(join.channels);
  parallel_for(static_cast<int>(frames.sums.size()), join.threads, [&](int s) {
    const auto i = static_cast<std::size_t>(s);
    CoaddChannel& rows = frames.rows[i / channels][i % channels];
    if (rows.pixels.height() != end - y0) rows = empty_channel(join.grid->image_width, end - y0);
    if (frames.sums[i]->has_light() && rows.light_low.height() != end - y0)
      rows.light_low = rows.light_high = Plane<float>(join.grid->image_width, end - y0);
    frames.sums[i]->complete(end, rows, 0);
  });
  take(frames.first, y0, frames.rows);
}

void join_frames(const LoadTile& load, const SyntheticJoin& join, const PlaneScales& scales,
                 FramesOfPass& frames, const TakeSyntheticRows& take) {
  const std::vector<Box>& tiles = join.grid->tiles;
  const int count = static_cast<int>(tiles.size()), at_once = kTilesAThread * join.threads;
  for (int begin = 0, end = 0; begin < count; begin = end) {
    const int y0 = tiles[static_cast<std::size_t>(begin)].y0;
    hand_over(join, y0, frames, take);
    while (end < count && end < begin + at_once && tiles[static_cast<std::size_t>(end)].y0 == y0) ++end;
    add_tiles(load, join, scales, begin, end, frames);
  }
  hand_over(join, join.grid->image_height, frames, take);
}

}  // namespace

std::size_t join_memory_bytes(std::size_t memory_limit_bytes) {
  constexpr std::size_t kShare = 4, kMost = std::size_t{256} << 20;
  return std::min(memory_limit_bytes / kShare, kMost);
}

std::size_t joining_bytes(const Grid& grid, int channels) {
  const std::size_t rows = static_cast<std::size_t>(grid.image_width) *
                           static_cast<std::size_t>(std::min(grid.size, grid.image_height)) *
                           CoaddChannel::kBytesAPixel;
  return static_cast<std::size_t>(channels) * (OverlapRows::size_bytes(grid) + rows);
}

void join_synthetic_frames(const LoadTile& load, const SyntheticJoin& join, const TakeSyntheticRows& take) {
  const PlaneScales scales =
      plane_scales(*join.results, static_cast<std::size_t>(join.clusters * join.channels), join.rescale);
  const std::size_t fitting =
      std::min(kMostFramesAPass,
               join.memory_limit_bytes / std::max<std::size_t>(1, joining_bytes(*join.grid, join.channels)));
  const int most = static_cast<int>(
      std::clamp<std::size_t>(fitting, 1, static_cast<std::size_t>(std::max(1, join.clusters))));
  const int passes = (join.clusters + most - 1) / most;
  FramesOfPass frames;
  for (int pass = 0; pass < passes; ++pass) {
    frames.first += frames.count;
    frames.count = join.clusters * (pass + 1) / passes - frames.first;
    frames.sums.resize(static_cast<std::size_t>(frames.count * join.channels));
    parallel_for(static_cast<int>(frames.sums.size()), join.threads, [&](int i) {
      auto& sums = frames.sums[static_cast<std::size_t>(i)];
      if (sums)
        sums->begin_again();
      else
        sums = std::make_unique<OverlapRows>(*join.grid);
    });
    frames.rows.resize(static_cast<std::size_t>(frames.count),
                       std::vector<CoaddChannel>(static_cast<std::size_t>(join.channels)));
    join_frames(load, join, scales, frames, take);
  }
}

}  // namespace tilecompile
