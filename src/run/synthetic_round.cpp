#include "tilecompile/run/synthetic_round.hpp"

#include <algorithm>

#include "tilecompile/run/tile_joiner.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kBytesAPixel = 6 * sizeof(double) + sizeof(std::int32_t);  // of one OverlapAdd

// [plane][tile]
std::vector<std::vector<TileScale>> plane_scales(const std::vector<ResultMessage>& results,
                                                 std::size_t planes,
                                                 ReconstructionParams::TileRescale rescale) {
  std::vector<std::vector<TileScale>> scales(planes, std::vector<TileScale>(results.size()));
  if (rescale != ReconstructionParams::TileRescale::kMedianAfterBackgroundSubtraction) return scales;
  for (std::size_t p = 0; p < planes; ++p) {
    std::vector<double> medians, backgrounds;
    for (const ResultMessage& r : results) {
      medians.push_back(r.tile_median[p]);
      backgrounds.push_back(r.tile_background[p]);
    }
    scales[p] = median_scales(medians, backgrounds);
  }
  return scales;
}

}  // namespace

void join_synthetic_frames(ObjectStore& store, const Grid& grid, const std::vector<ResultMessage>& results,
                           int clusters, const Image& reference, ReconstructionParams::TileRescale rescale,
                           std::size_t memory_limit_bytes, const TakeSynthetic& take) {
  const int channels = static_cast<int>(reference.size()), planes = clusters * channels;
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
      const TileFile file = load_tile(store, results[t], grid.tiles[t], planes);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::size_t p = static_cast<std::size_t>(first * channels) + i;
        TileScale scale = scales[p][t];
        if (rescale == ReconstructionParams::TileRescale::kReference)
          scale = reference_scale(file.pixels[p].view(),
                                  reference[i % static_cast<std::size_t>(channels)].view(grid.tiles[t]));
        sums[i].add(static_cast<int>(t), coadd_tile(file, p), scale);
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
