#include "tilecompile/coadd/states.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {
namespace {

constexpr int kFramesACluster = 10;
constexpr int kAutoFromFrames = 200;
constexpr std::size_t kComponents = std::tuple_size_v<StateVector>;

struct MeanVariance {
  double mean = 0, variance = 0;
};

// Over tiles, in ascending tile_id.
MeanVariance over_tiles(const std::vector<std::vector<double>>& quality, std::size_t frame) {
  MeanVariance m;
  double tiles = 0;
  for (const auto& tile : quality) {
    if (tile.empty()) continue;
    m.mean += tile[frame];
    ++tiles;
  }
  if (tiles == 0) return m;
  m.mean /= tiles;
  for (const auto& tile : quality)
    if (!tile.empty()) m.variance += (tile[frame] - m.mean) * (tile[frame] - m.mean);
  m.variance /= tiles;
  return m;
}

}  // namespace

std::vector<StateVector> state_vectors(const FrameMetrics& metrics,
                                       const std::vector<std::vector<std::vector<double>>>& tile_quality) {
  std::vector<StateVector> states(static_cast<std::size_t>(metrics.frame_count()), StateVector{});
  const double channels = metrics.channel_count();
  for (std::size_t f = 0; f < states.size(); ++f) {
    for (std::size_t c = 0; c < metrics.channels.size(); ++c) {
      const FrameChannel& frame = metrics.channels[c][f];
      const MeanVariance q = over_tiles(tile_quality[c], f);
      const StateVector part = {frame.weight, q.mean, q.variance, frame.background, frame.noise};
      for (std::size_t i = 0; i < kComponents; ++i) states[f][i] += part[i];
    }
    for (double& component : states[f]) component /= channels;
  }
  return states;
}

std::vector<StateVector> standardised(std::vector<StateVector> states, int frame_chunk) {
  const double n = static_cast<double>(states.size());
  for (std::size_t i = 0; i < kComponents; ++i) {
    std::vector<double> values(states.size());
    for (std::size_t f = 0; f < states.size(); ++f) values[f] = states[f][i];
    const bool constant =
        std::all_of(values.begin(), values.end(), [&](double v) { return v == values.front(); });
    const double mean = frame_sum(values, frame_chunk) / n;
    for (double& v : values) v = (v - mean) * (v - mean);
    const double sd = std::sqrt(frame_sum(values, frame_chunk) / n);
    for (StateVector& s : states) s[i] = constant || !(sd > 0) ? 0 : (s[i] - mean) / sd;
  }
  return states;
}

int cluster_count(int frames, const SyntheticParams& params) {
  return std::min(frames, std::clamp(frames / kFramesACluster, params.frames_min, params.frames_max));
}

bool synthetic_enabled(int frames, const SyntheticParams& params) {
  if (params.enabled == SyntheticParams::Enabled::kAuto) return frames >= kAutoFromFrames;
  return params.enabled == SyntheticParams::Enabled::kOn;
}

}  // namespace tilecompile
