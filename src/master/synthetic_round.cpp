#include "tilecompile/master/synthetic_round.hpp"

#include <algorithm>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/master/tile_joiner.hpp"

namespace tilecompile {
namespace {

constexpr int kTilesAThread = 2;  // held decoded at a time

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

// For good: there is no tile to join.
bool failed(const std::vector<ResultMessage>& results, int tile_id) {
  return results[static_cast<std::size_t>(tile_id)].data_checksum.empty();
}

using PlaneScales = std::vector<std::vector<TileScale>>;

// Joins the planes first_plane .. first_plane + sums.size() - 1 of all tiles.
void join_planes(const LoadTile& load, const SyntheticJoin& join, const PlaneScales& scales, int first_plane,
                 std::vector<OverlapAdd>& sums) {
  const int tiles = static_cast<int>(join.results->size()), at_once = kTilesAThread * join.threads;
  std::vector<TileFile> files(static_cast<std::size_t>(at_once));
  for (int begin = 0; begin < tiles; begin += at_once) {
    const int count = std::min(at_once, tiles - begin);
    parallel_for(count, join.threads, [&](int i) {
      const auto t = static_cast<std::size_t>(begin + i);
      if (failed(*join.results, begin + i)) return;
      files[static_cast<std::size_t>(i)] = load((*join.results)[t]);
    });
    parallel_for(static_cast<int>(sums.size()), join.threads, [&](int s) {
      const auto plane = static_cast<std::size_t>(first_plane + s);
      for (int i = 0; i < count; ++i) {
        if (failed(*join.results, begin + i)) continue;
        const TileFile& file = files[static_cast<std::size_t>(i)];
        const auto t = static_cast<std::size_t>(begin + i);
        TileScale scale = scales[plane][t];
        if (join.rescale == ReconstructionParams::TileRescale::kReference)
          scale =
              reference_scale(file.pixels[plane].view(),
                              (*join.reference)[plane % join.reference->size()].view(join.grid->tiles[t]));
        sums[static_cast<std::size_t>(s)].add(begin + i, coadd_tile(file, plane), scale);
      }
    });
  }
}

std::size_t frame_bytes(const SyntheticJoin& join) {
  return static_cast<std::size_t>(join.grid->image_width) *
         static_cast<std::size_t>(join.grid->image_height) * static_cast<std::size_t>(join.channels) *
         OverlapAdd::kBytesAPixel;
}

}  // namespace

std::size_t join_memory_bytes(std::size_t memory_limit_bytes) {
  constexpr std::size_t kShare = 4, kMost = std::size_t{640} << 20;
  return std::min(memory_limit_bytes / kShare, kMost);
}

void join_synthetic_frames(const LoadTile& load, const SyntheticJoin& join, const TakeSynthetic& take) {
  const PlaneScales scales =
      plane_scales(*join.results, static_cast<std::size_t>(join.clusters * join.channels), join.rescale);
  const std::size_t fitting = join.memory_limit_bytes / std::max<std::size_t>(1, frame_bytes(join));
  const int most = static_cast<int>(
      std::clamp<std::size_t>(fitting, 1, static_cast<std::size_t>(std::max(1, join.clusters))));
  const int passes = (join.clusters + most - 1) / most;
  for (int pass = 0, first = 0; pass < passes; ++pass) {
    const int end = join.clusters * (pass + 1) / passes;
    std::vector<OverlapAdd> sums(static_cast<std::size_t>((end - first) * join.channels),
                                 OverlapAdd(*join.grid));
    join_planes(load, join, scales, first * join.channels, sums);
    std::vector<std::vector<CoaddChannel>> frames(static_cast<std::size_t>(end - first));
    for (std::size_t i = 0; i < sums.size(); ++i)
      frames[i / static_cast<std::size_t>(join.channels)].push_back(sums[i].finish());
    sums.clear();
    take(first, frames);
    first = end;
  }
}

}  // namespace tilecompile
