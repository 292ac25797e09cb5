#include "tilecompile/frame/frame_metrics.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/floored_sky.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/gradient.hpp"

namespace tilecompile {
namespace {

constexpr double kSmallestBackground = 1e-6;
constexpr double kLeastNoise = 0.1;                          // of the median over frames
constexpr double kLeastAdaptive = 0.1, kMostAdaptive = 0.7;  // share of one of the three scores

template <class Get>
std::vector<double> column(const std::vector<FrameChannel>& frames, Get get) {
  std::vector<double> values(frames.size());
  std::transform(frames.begin(), frames.end(), values.begin(), get);
  return values;
}

double variance(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (double v : values) sum += v;
  const double mean = sum / static_cast<double>(values.size());
  for (double v : values) squares += (v - mean) * (v - mean);
  return squares / static_cast<double>(values.size());
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
  Clipped clipped = clip(scratch, code_step);
  if (scratch.smallest() == 0)
    clipped.scale = floored_noise(plane, clipped.location, clipped.scale).value_or(clipped.scale);
  result.background = params.mode == NormalizationParams::Mode::kMedian ? scratch.median() : clipped.location;
  if (params.mode == NormalizationParams::Mode::kPhotometric) {
    result.normalization.offset = result.background;
    result.noise = clipped.scale;
    result.gradient_energy = gradient_energy(plane, scratch.whole_numbers()).mean;
    return result;
  }
  if (result.background <= kSmallestBackground) return result;
  // Clip and Sobel scale with the data, so they are taken on I and carried over to I' = I / B.
  result.normalization.gain = 1 / result.background;
  result.noise = clipped.scale / result.background;
  result.gradient_energy =
      gradient_energy(plane, scratch.whole_numbers()).mean / (result.background * result.background);
  return result;
}

std::vector<BadFrame> unusable_frames(const std::vector<std::vector<FrameChannel>>& channels,
                                      const std::vector<std::string>& frame_paths,
                                      const NormalizationParams& params) {
  const bool divides = divides_by_background(params);
  std::vector<BadFrame> bad;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const auto& frames = channels[c];
    const bool all_constant = std::all_of(frames.begin(), frames.end(),
                                          [](const auto& f) { return f.constant || f.valid_fraction == 0; });
    for (std::size_t f = 0; f < frames.size(); ++f) {
      const std::string where = channels.size() > 1 ? "channel " + std::to_string(c) + ": " : "";
      if (frames[f].valid_fraction == 0)
        bad.push_back({frame_paths[f], where + "has no valid pixel (all are zero, blank or not finite)"});
      else if (divides && !(frames[f].background > kSmallestBackground))
        bad.push_back({frame_paths[f],
                       where + "its background is " + std::to_string(frames[f].background) +
                           ", so I/B has no meaning; keep the sky pedestal when calibrating (no background "
                           "subtraction), or set normalization.mode: photometric"});
      else if (frames[f].constant && !all_constant)
        bad.push_back({frame_paths[f], where + "is constant (every valid pixel has one value)"});
    }
  }
  return one_entry_a_frame(bad);
}

void set_output_scale(FrameMetrics& metrics, const NormalizationParams& params) {
  metrics.sky.clear();
  metrics.output_scale.clear();
  for (const auto& frames : metrics.channels) {
    metrics.sky.push_back(median(column(frames, [](const FrameChannel& f) { return f.background; })));
    metrics.output_scale.push_back(divides_by_background(params) ? metrics.sky.back() : 1);
  }
}

void apply_flux_scale(FrameChannel& frame, double flux_scale, double pedestal) {
  frame.flux_scale = flux_scale;
  frame.normalization = {frame.background, 1 / flux_scale, pedestal};
  frame.noise /= flux_scale;
  frame.gradient_energy /= flux_scale * flux_scale;
}

std::array<double, 3> adaptive_weights(const std::vector<double>& z_background,
                                       const std::vector<double>& z_noise,
                                       const std::vector<double>& z_gradient,
                                       const GlobalMetricsParams& params) {
  std::array<double, 3> weights = {variance(z_background), variance(z_noise), variance(z_gradient)};
  const double all = weights[0] + weights[1] + weights[2];
  if (!(all > 0)) return {params.weight_background, params.weight_noise, params.weight_gradient};
  double sum = 0;
  for (double& w : weights) sum += w = std::clamp(w / all, kLeastAdaptive, kMostAdaptive);
  for (double& w : weights) w /= sum;
  return weights;
}

namespace {

// The weights must not gain by what could not be measured: a frame without phi counts as unmeasured, and with
// the weights of noise and seeing one without FWHM too.
std::vector<bool> measured_frames(const std::vector<FrameChannel>& frames,
                                  const GlobalMetricsParams& params) {
  const bool by_seeing =
      params.mode == GlobalMetricsParams::Mode::kInverseVariance &&
      std::any_of(frames.begin(), frames.end(), [](const auto& f) { return f.fwhm_px == f.fwhm_px; });
  std::vector<bool> measured;
  for (const FrameChannel& f : frames)
    measured.push_back(f.flux_measured && (!by_seeing || f.fwhm_px == f.fwhm_px));
  return measured;
}

// Both weights of every frame within what methodology and configuration allow.
void limit_weights(std::vector<FrameChannel>& frames, const GlobalMetricsParams& params) {
  const std::vector<bool> measured = measured_frames(frames, params);
  for (const auto member : {&FrameChannel::weight, &FrameChannel::inverse_variance}) {
    std::vector<double> weights = column(frames, [&](const FrameChannel& f) { return f.*member; });
    limit_unmeasured(weights, measured);
    limit_shares(weights, params.max_frame_share);
    for (std::size_t f = 0; f < frames.size(); ++f) frames[f].*member = weights[f];
  }
}

void set_inverse_variances(std::vector<FrameChannel>& frames) {
  const double typical = median(column(frames, [](const FrameChannel& f) { return f.noise; }));
  for (FrameChannel& f : frames) {
    const double noise = std::max(f.noise, kLeastNoise * typical);
    f.inverse_variance = typical > 0 ? typical * typical / (noise * noise) : 1;
  }
}

}  // namespace

double median_noise(const std::vector<FrameChannel>& frames) {
  return median(column(frames, [](const FrameChannel& f) { return f.noise; }));
}

void weigh_frames(FrameMetrics& metrics, const GlobalMetricsParams& params) {
  for (auto& frames : metrics.channels) {
    const auto z_background = z_scores(column(frames, [](const FrameChannel& f) { return f.background; }));
    const auto z_noise = z_scores(column(frames, [](const FrameChannel& f) { return f.noise; }));
    const auto z_gradient = z_scores(column(frames, [](const FrameChannel& f) { return f.gradient_energy; }));
    std::array<double, 3> weights = {params.weight_background, params.weight_noise, params.weight_gradient};
    if (params.adaptive_weights) weights = adaptive_weights(z_background, z_noise, z_gradient, params);
    set_inverse_variances(frames);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      frames[f].z_background = z_background[f];
      frames[f].z_noise = z_noise[f];
      frames[f].z_gradient = z_gradient[f];
      const double q = weights[0] * -z_background[f] + weights[1] * -z_noise[f] + weights[2] * z_gradient[f];
      frames[f].quality = std::clamp(q, params.clamp.low, params.clamp.high);
      frames[f].weight = params.mode == GlobalMetricsParams::Mode::kInverseVariance
                             ? frames[f].inverse_variance
                             : exact_exp(frames[f].quality);
    }
    limit_weights(frames, params);
  }
}

}  // namespace tilecompile
