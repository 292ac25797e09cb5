#include "tilecompile/tile/compute_tile.hpp"

#include "tile_channel.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/tile/local_metrics.hpp"

namespace tilecompile {

void check_shapes(const TileInput& input) {
  for (const auto& cutouts : input.cutouts) {
    if (cutouts.size() != input.frame_index.size())
      throw ContractError("tile: cut-outs and frame indices differ in number");
    for (const FrameCutout& c : cutouts)
      if (c.samples.width != input.box.w || c.samples.height != input.box.h)
        throw ContractError("tile: a cut-out has another shape than the tile's box");
  }
}

namespace {

// Frames with a measurement of their own.
int measured_frames(const TileInput& input, std::size_t channel, const std::vector<LocalMetrics>& local) {
  const auto& frames = input.metrics->channels[channel];
  const bool seeing = input.local.mode == LocalMetricsParams::Mode::kSeeing;
  int measured = 0;
  for (std::size_t i = 0; i < local.size(); ++i) {
    const bool has_surface = !frames[static_cast<std::size_t>(input.frame_index[i])].fwhm_surface.empty();
    measured += (seeing ? has_surface : local[i].measured()) ? 1 : 0;
  }
  return measured;
}

}  // namespace

ChannelWeights weigh_channel(const TileInput& input, std::size_t channel) {
  const auto stars = stars_in_tile(input.box, input.metrics->stars, input.metrics->star_radius_px);
  const TileKind kind = tile_kind(stars.size(), input.grid);
  const std::vector<LocalMetrics> local = measure_frames(input, channel, kind, stars);
  ChannelWeights weights;
  weights.quality = local_quality(input, channel, kind, local);
  weights.weight = frame_weights(input, channel, weights.quality);
  weights.measured_frames = measured_frames(input, channel, local);
  return weights;
}

namespace {

TileChannel compute_channel(const TileInput& input, std::size_t channel) {
  ChannelWeights weights = weigh_channel(input, channel);
  TileChannel result = PreparedChannel(input, channel, weights.weight).reconstruct();
  result.quality = std::move(weights.quality);
  result.measured_frames = weights.measured_frames;
  return result;
}

}  // namespace

TileResult compute_tile(const TileInput& input) {
  check_shapes(input);
  const auto stars = stars_in_tile(input.box, input.metrics->stars, input.metrics->star_radius_px);
  TileResult result;
  result.star_count = static_cast<int>(stars.size());
  result.kind = tile_kind(stars.size(), input.grid);
  for (std::size_t c = 0; c < input.cutouts.size(); ++c) result.channels.push_back(compute_channel(input, c));
  return result;
}

}  // namespace tilecompile
