#include "tilecompile/coadd/tile_diagnostics.hpp"

#include <algorithm>
#include <cmath>

namespace tilecompile {
namespace {

constexpr int kBins = 24;

QualityHistogram histogram(const std::vector<double>& quality, const Clamp& range) {
  QualityHistogram h{range.low, range.high, std::vector<std::int64_t>(kBins)};
  for (const double q : quality) {
    const double place = (q - range.low) / (range.high - range.low) * kBins;
    ++h.counts[static_cast<std::size_t>(std::clamp(place, 0.0, kBins - 1.0))];
  }
  return h;
}

std::vector<double> quantiles(std::vector<double> values) {
  std::vector<double> found;
  if (values.empty()) return found;
  std::sort(values.begin(), values.end());
  for (const double share : kWeightShares)
    found.push_back(
        values[static_cast<std::size_t>(std::floor(share * static_cast<double>(values.size() - 1) + 0.5))]);
  return found;
}

double share_of(double part, double whole) { return whole > 0 ? part / whole : 0; }

ChannelDiagnostics diagnose_channel(const TileChannel& channel, const Clamp& range) {
  ChannelDiagnostics d;
  d.quality = histogram(channel.quality, range);
  d.measured_frames = channel.measured_frames;
  d.weight_quantiles = quantiles(channel.frame_weight);
  d.n_eff = effective_frames(channel.frame_weight);
  double samples = 0, uncovered = 0;
  for (const std::int32_t n : channel.coverage.samples()) {
    samples += n;
    uncovered += n == 0 ? 1 : 0;
  }
  const auto pixels = static_cast<double>(channel.coverage.size());
  d.valid_fraction = share_of(samples, pixels * static_cast<double>(channel.frame_weight.size()));
  d.uncovered_fraction = share_of(uncovered, pixels);
  d.background = channel.background;
  d.median = channel.median;
  Distribution values;
  values.assign(channel.pixels.view(), 0);
  d.noise = clip(values, 0).scale;
  d.fallback_used = channel.fallback_used;
  return d;
}

}  // namespace

double effective_frames(const std::vector<double>& weights) {
  double sum = 0, squares = 0;
  for (const double w : weights) {
    sum += w;
    squares += w * w;
  }
  return squares > 0 ? sum * sum / squares : 0;
}

TileDiagnostics diagnose_tile(const TileInput& input, const TileResult& result) {
  TileDiagnostics d;
  d.box = input.box;
  d.kind = result.kind;
  d.stars = result.star_count;
  d.frames = static_cast<int>(input.frame_index.size());
  for (const TileChannel& channel : result.channels)
    d.channels.push_back(diagnose_channel(channel, input.local.clamp));
  return d;
}

}  // namespace tilecompile
