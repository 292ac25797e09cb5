#include "tilecompile/tile/tile_channel.hpp"

namespace tilecompile {

TileChannel reconstruct_channel(const std::vector<WeightedCutout>& cutouts, const Box& box, int frame_chunk) {
  TileChannel result;
  for (const WeightedCutout& c : cutouts) result.frame_weight.push_back(c.weight);
  result.sum_weights = frame_sum(result.frame_weight, frame_chunk);
  WeightedMean mean = weighted_mean(cutouts, box.w, box.h, frame_chunk);
  Distribution samples;
  samples.assign(mean.mean.view(), 0);
  result.background = clip(samples, 0).location;
  result.median = samples.count() == 0 ? 0 : samples.median() - result.background;
  result.pixels = std::move(mean.mean);
  result.coverage = std::move(mean.coverage);
  result.weight = std::move(mean.weight);
  result.fallback_used = mean.fallback_used;
  return result;
}

}  // namespace tilecompile
