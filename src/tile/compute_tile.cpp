#include "tilecompile/tile/compute_tile.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/tile/local_metrics.hpp"
#include "tilecompile/tile/tile_channel.hpp"

namespace tilecompile {
namespace {

void check_shapes(const TileInput& input) {
  for (const auto& cutouts : input.cutouts) {
    if (cutouts.size() != input.frame_index.size())
      throw ContractError("tile: cut-outs and frame indices differ in number");
    for (const FrameCutout& c : cutouts)
      if (c.samples.width != input.box.w || c.samples.height != input.box.h)
        throw ContractError("tile: a cut-out has another shape than the tile's box");
  }
}

TileChannel compute_channel(const TileInput& input, std::size_t channel, TileKind kind,
                            const std::vector<int>& stars) {
  const std::vector<LocalMetrics> local = measure_frames(input, channel, kind, stars);
  std::vector<double> quality = local_quality(local, kind, input.local);
  std::vector<WeightedCutout> cutouts;
  for (std::size_t i = 0; i < input.frame_index.size(); ++i) {
    const FrameChannel& frame =
        input.metrics->channels[channel][static_cast<std::size_t>(input.frame_index[i])];
    const double weight = frame.weight * exact_exp(quality[i]);  // W_ft = G_f L_ft
    cutouts.push_back({input.cutouts[channel][i].samples, frame.normalization, weight});
  }
  TileChannel result = reconstruct_channel(cutouts, input.box, input.reconstruction.frame_chunk);
  result.quality = std::move(quality);
  for (const LocalMetrics& m : local) result.measured_frames += m.measured() ? 1 : 0;
  return result;
}

}  // namespace

TileResult compute_tile(const TileInput& input) {
  check_shapes(input);
  const auto stars = stars_in_tile(input.box, input.metrics->stars, input.metrics->star_radius_px);
  TileResult result;
  result.star_count = static_cast<int>(stars.size());
  result.kind = tile_kind(stars.size(), input.grid);
  for (std::size_t c = 0; c < input.cutouts.size(); ++c)
    result.channels.push_back(compute_channel(input, c, result.kind, stars));
  return result;
}

}  // namespace tilecompile
