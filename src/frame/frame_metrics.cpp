#include "tilecompile/frame/frame_metrics.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/gradient.hpp"

namespace tilecompile {
namespace {

constexpr double kSmallestBackground = 1e-6;

template <class Get>
std::vector<double> column(const std::vector<FrameChannel>& frames, Get get) {
  std::vector<double> values(frames.size());
  std::transform(frames.begin(), frames.end(), values.begin(), get);
  return values;
}

}  // namespace

FrameChannel measure_frame_channel(const PlaneView<float>& plane, double code_step,
                                   const NormalizationParams& params, Distribution& scratch) {
  FrameChannel result;
  scratch.assign(plane, code_step);
  result.valid_fraction = static_cast<double>(scratch.count()) /
                          (static_cast<double>(plane.width) * static_cast<double>(plane.height));
  if (scratch.count() == 0) return result;
  result.constant = scratch.constant();
  const Clipped clipped = clip(scratch, code_step);
  result.background = params.mode == NormalizationParams::Mode::kMedian ? scratch.median() : clipped.location;
  if (result.background <= kSmallestBackground) return result;
  // Clip and Sobel scale with the data, so they are taken on I and carried over to I' = I / B.
  result.normalization.gain = 1 / result.background;
  result.noise = clipped.scale / result.background;
  result.gradient_energy = gradient_energy(plane).mean / (result.background * result.background);
  return result;
}

void check_frame_channels(const std::vector<std::vector<FrameChannel>>& channels,
                          const std::vector<std::string>& frame_paths) {
  std::string bad;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& frames = channels[c];
    const bool all_constant =
        std::all_of(frames.begin(), frames.end(), [](const auto& f) { return f.constant; });
    for (std::size_t f = 0; f < frames.size(); ++f) {
      const std::string name =
          "\n  " + frame_paths[f] + (channels.size() > 1 ? " channel " + std::to_string(c) : "") + ": ";
      if (frames[f].valid_fraction == 0)
        bad += name + "has no valid pixel (all are zero, blank or not finite)";
      else if (!(frames[f].background > kSmallestBackground))
        bad += name + "its background is " + std::to_string(frames[f].background) +
               ", so I/B has no meaning; keep the sky pedestal when calibrating (no background subtraction)";
      else if (frames[f].constant && !all_constant)
        bad += name + "is constant (every valid pixel has one value)";
    }
  }
  if (!bad.empty())
    throw InputError("frames that cannot be used:" + bad +
                     "\ntake them out of the input folder, or repair and register them again");
}

void weigh_frames(FrameMetrics& metrics, const GlobalMetricsParams& params) {
  metrics.output_scale.clear();
  for (auto& frames : metrics.channels) {
    const auto background = column(frames, [](const FrameChannel& f) { return f.background; });
    const auto z_background = z_scores(background);
    const auto z_noise = z_scores(column(frames, [](const FrameChannel& f) { return f.noise; }));
    const auto z_gradient = z_scores(column(frames, [](const FrameChannel& f) { return f.gradient_energy; }));
    for (std::size_t f = 0; f < frames.size(); ++f) {
      frames[f].z_background = z_background[f];
      frames[f].z_noise = z_noise[f];
      frames[f].z_gradient = z_gradient[f];
      const double q = params.weight_background * -z_background[f] + params.weight_noise * -z_noise[f] +
                       params.weight_gradient * z_gradient[f];
      frames[f].quality = std::clamp(q, params.clamp.low, params.clamp.high);
      frames[f].weight = exact_exp(frames[f].quality);
    }
    metrics.output_scale.push_back(median(background));
  }
}

}  // namespace tilecompile
