#include "tilecompile/tile/tile_parts.hpp"

#include <algorithm>
#include <numeric>

#include "residual_noise.hpp"
#include "tile_channel.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

void check_order(const FrameRange& range, int expected_first) {
  if (range.first != expected_first)
    throw ContractError("a tile in pieces: frames from " + std::to_string(expected_first) +
                        " on were expected, those from " + std::to_string(range.first) + " on are there");
}

void check_channels(std::size_t found, std::size_t expected) {
  if (found != expected)
    throw ContractError("a tile in pieces: a piece has " + std::to_string(found) + " channels, not " +
                        std::to_string(expected));
}

// The sums of a channel of every chunk of all frames.
std::vector<const PartialSums*> chunks_in_order(const std::vector<TileSumsPart>& parts,
                                                const TileWeights& weights, std::size_t channel,
                                                bool sampled) {
  std::vector<const PartialSums*> chunks;
  int frames = 0;
  for (const TileSumsPart& part : parts) {
    check_channels(part.channels.size(), weights.frame_weight.size());
    check_order(part.frames, frames);
    if (part.sampled != sampled || !(part.box == parts.front().box))
      throw ContractError("a tile in pieces: pieces of different rounds or boxes");
    frames += part.frames.count();
    for (const PartialSums& sums : part.channels[channel]) chunks.push_back(&sums);
  }
  check_order({static_cast<int>(weights.frame_weight[channel].size()), 0}, frames);
  return chunks;
}

}  // namespace

std::vector<FrameRange> chunk_ranges(int frames, int frame_chunk, int chunks) {
  std::vector<FrameRange> ranges;
  const std::int64_t step = std::int64_t{frame_chunk} * chunks;
  for (std::int64_t first = 0; first < frames; first += step)
    ranges.push_back(
        {static_cast<int>(first), static_cast<int>(std::min<std::int64_t>(first + step, frames) - 1)});
  return ranges;
}

TileMetricsPart measure_tile(const TileInput& input, int tile_id) {
  const auto stars = stars_in_tile(input.box, input.metrics->stars, input.metrics->star_radius_px);
  TileMetricsPart part{tile_id,
                       {input.frame_index.front(), input.frame_index.back()},
                       tile_kind(stars.size(), input.grid),
                       {}};
  for (std::size_t c = 0; c < input.cutouts.size(); ++c)
    part.channels.push_back(measure_frames(input, c, part.kind, stars));
  return part;
}

TileWeights weigh_tile(const std::vector<TileMetricsPart>& parts, const Box& box, const FrameMetrics& metrics,
                       const LocalMetricsParams& params, double max_frame_share) {
  TileInput all;  // of all frames, without their cut-outs
  all.box = box;
  all.metrics = &metrics;
  all.local = params;
  all.max_frame_share = max_frame_share;
  all.frame_index.resize(static_cast<std::size_t>(metrics.frame_count()));
  std::iota(all.frame_index.begin(), all.frame_index.end(), 0);
  TileWeights weights;
  weights.tile_id = parts.front().tile_id;
  for (std::size_t c = 0; c < metrics.channels.size(); ++c) {
    std::vector<LocalMetrics> measured;
    for (const TileMetricsPart& part : parts) {
      check_channels(part.channels.size(), metrics.channels.size());
      check_order(part.frames, static_cast<int>(measured.size()));
      measured.insert(measured.end(), part.channels[c].begin(), part.channels[c].end());
    }
    check_order({metrics.frame_count(), 0}, static_cast<int>(measured.size()));
    weights.quality.push_back(local_quality(all, c, parts.front().kind, measured));
    weights.frame_weight.push_back(frame_weights(all, c, weights.quality.back()));
  }
  return weights;
}

TileSumsPart sum_tile(const TileInput& input, const TileWeights& weights, int tile_id) {
  TileSumsPart part{
      tile_id, input.box, {input.frame_index.front(), input.frame_index.back()}, weights.mean.empty(), {}};
  check_channels(weights.frame_weight.size(), input.cutouts.size());
  if (static_cast<int>(weights.frame_weight.front().size()) != input.metrics->frame_count())
    throw ContractError("a tile in pieces: weights and frame metrics differ in frames");
  for (std::size_t c = 0; c < input.cutouts.size(); ++c) {
    const std::vector<double>& all = weights.frame_weight[c];
    std::vector<Plane<float>> ramps;
    std::vector<WeightedCutout> cutouts = weighted_cutouts(
        input, c, {all.begin() + part.frames.first, all.begin() + part.frames.last + 1}, ramps);
    if (!part.sampled) {
      const std::vector<double> noise = residual_noise(cutouts, weights.mean[c], all);
      for (std::size_t i = 0; i < cutouts.size(); ++i) cutouts[i].noise = noise[i];
    }
    auto& sums = part.channels.emplace_back();
    for (const FrameRange& r : chunk_ranges(part.frames.count(), input.reconstruction.frame_chunk, 1))
      sums.push_back(partial_sums({cutouts.begin() + r.first, cutouts.begin() + r.last + 1}, input.box.w,
                                  input.box.h, part.sampled));
  }
  return part;
}

std::vector<Plane<double>> join_sampled_rows(const std::vector<TileSumsPart>& parts,
                                             const TileWeights& weights) {
  const Box& box = parts.front().box;
  std::vector<Plane<double>> mean;
  for (std::size_t c = 0; c < weights.frame_weight.size(); ++c)
    mean.push_back(join_sampled_mean(chunks_in_order(parts, weights, c, true), box.w, box.h));
  return mean;
}

std::vector<TileChannel> join_tile(const std::vector<TileSumsPart>& parts, const TileWeights& weights,
                                   int frame_chunk) {
  const Box& box = parts.front().box;
  std::vector<TileChannel> channels;
  for (std::size_t c = 0; c < weights.frame_weight.size(); ++c) {
    WeightedMean mean = join_partial_sums(chunks_in_order(parts, weights, c, false), box.w, box.h);
    channels.push_back(finish_channel(std::move(mean), weights.frame_weight[c], frame_chunk));
    channels.back().quality = weights.quality[c];
  }
  return channels;
}

}  // namespace tilecompile
