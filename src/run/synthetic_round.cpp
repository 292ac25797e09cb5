#include "tilecompile/run/synthetic_round.hpp"

#include <algorithm>

#include "tilecompile/run/tile_joiner.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kBytesAPixel = 4 * sizeof(double) + sizeof(std::int32_t);  // of one OverlapAdd

// [plane][tile]
std::vector<std::vector<TileScale>> plane_scales(const std::vector<ResultMessage>& results,
                                                 std::size_t planes,
                                                 ReconstructionParams::TileRescale rescale) {
  std::vector<std::vector<TileScale>> scales(planes, std::vector<TileScale>(results.size()));
  if (rescale == ReconstructionParams::TileRescale::kNone) return scales;
  for (std::size_t p = 0; p < planes; ++p) {
    const auto [medians, backgrounds] = plane_scalars(results, p);
    scales[p] = median_scales(medians, backgrounds);
  }
  return scales;
}

}  // namespace

void join_synthetic_frames(ObjectStore& store, const Grid& grid, const std::vector<ResultMessage>& results,
                           int clusters, int channels, ReconstructionParams::TileRescale rescale,
                           std::size_t memory_limit_bytes, const TakeSynthetic& take) {
  const int planes = clusters * channels;
  const auto scales = plane_scales(results, static_cast<std::size_t>(planes), rescale);
  const std::size_t frame_bytes = static_cast<std::size_t>(grid.image_width) *
                                  static_cast<std::size_t>(grid.image_height) *
                                  static_cast<std::size_t>(channels) * kBytesAPixel;
  const int at_once =
      std::clamp(static_cast<int>(memory_limit_bytes / std::max<std::size_t>(1, frame_bytes)), 1, clusters);
  for (int first = 0; first < clusters; first += at_once) {
    const int group = std::min(at_once, clusters - first);
    std::vector<OverlapAdd> sums(static_cast<std::size_t>(group * channels), OverlapAdd(grid));
    for (std::size_t t = 0; t < results.size(); ++t) {
      if (results[t].data_checksum.empty()) continue;  // it failed for good
      const TileFile file = load_tile(store, results[t], grid.tiles[t], planes);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::size_t p = static_cast<std::size_t>(first * channels) + i;
        sums[i].add(static_cast<int>(t), {&file.pixels[p], &file.coverage[p], &file.weight[p]}, scales[p][t]);
      }
    }
    for (int k = 0; k < group; ++k) {
      std::vector<CoaddChannel> frame;
      for (int c = 0; c < channels; ++c)
        frame.push_back(sums[static_cast<std::size_t>(k * channels + c)].finish());
      take(first + k, std::move(frame));
    }
  }
}

}  // namespace tilecompile
