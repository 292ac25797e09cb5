#include "tilecompile/tile/pixel_story.hpp"

#include "tile_channel.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

// What is known of the frames before anything is summed.
void add_reasons(const TileInput& input, std::size_t channel, const ChannelWeights& weights, int x, int y,
                 PixelStory& story) {
  const bool seeing = input.local.mode == LocalMetricsParams::Mode::kSeeing;
  for (std::size_t i = 0; i < story.frames.size(); ++i) {
    FrameAtPixel& part = story.frames[i];
    part.frame = input.frame_index[i];
    const FrameChannel& frame = input.metrics->channels[channel][static_cast<std::size_t>(part.frame)];
    part.frame_weight = seeing ? frame.inverse_variance : frame.weight;
    part.quality = weights.quality[i];
    part.tile_weight = weights.weight[i];
    if (part.covered) part.sky = frame.normalization(input.cutouts[channel][i].samples.at(x, y)) - part.value;
    part.limited = part.tile_weight < part.frame_weight * exact_exp(part.quality);
  }
}

}  // namespace

PixelStory tell_pixel(const TileInput& input, std::size_t channel, int x, int y) {
  check_shapes(input);
  if (x < 0 || y < 0 || x >= input.box.w || y >= input.box.h)
    throw ContractError("pixel story: the pixel lies outside the tile");
  const ChannelWeights weights = weigh_channel(input, channel);
  PixelStory story = PreparedChannel(input, channel, weights.weight).tell(x, y);
  story.measured_frames = weights.measured_frames;
  add_reasons(input, channel, weights, x, y, story);
  return story;
}

}  // namespace tilecompile
