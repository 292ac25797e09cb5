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

// Q of every frame of the tile, and how many were measured.
std::vector<double> frame_quality(const TileInput& input, std::size_t channel, TileKind kind,
                                  const std::vector<int>& stars, int& measured) {
  if (input.local.mode == LocalMetricsParams::Mode::kSeeing) {
    for (int f : input.frame_index)
      measured += input.metrics->channels[channel][static_cast<std::size_t>(f)].fwhm_surface.empty() ? 0 : 1;
    return seeing_quality(input, channel);
  }
  const std::vector<LocalMetrics> local = measure_frames(input, channel, kind, stars);
  for (const LocalMetrics& m : local) measured += m.measured() ? 1 : 0;
  return local_quality(local, kind, input.local);
}

TileChannel compute_channel(const TileInput& input, std::size_t channel, TileKind kind,
                            const std::vector<int>& stars) {
  int measured = 0;
  std::vector<double> quality = frame_quality(input, channel, kind, stars, measured);
  const bool seeing = input.local.mode == LocalMetricsParams::Mode::kSeeing;
  std::vector<double> weights;
  for (std::size_t i = 0; i < input.frame_index.size(); ++i) {
    const FrameChannel& frame =
        input.metrics->channels[channel][static_cast<std::size_t>(input.frame_index[i])];
    // W_ft = G_f L_ft
    weights.push_back((seeing ? frame.inverse_variance : frame.weight) * exact_exp(quality[i]));
  }
  TileChannel result = PreparedChannel(input, channel, weights).reconstruct();
  result.quality = std::move(quality);
  result.measured_frames = measured;
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
