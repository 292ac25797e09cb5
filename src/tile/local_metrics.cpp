#include "tilecompile/tile/local_metrics.hpp"

#include <algorithm>

#include "tilecompile/frame/fwhm_surface.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/gradient.hpp"

namespace tilecompile {
namespace {

constexpr double kSmallestContrastBase = 1e-6;
constexpr int kBisections = 30;

bool covers(const Distribution& samples, const FrameCutout& cutout, double min_valid_fraction) {
  const double area = static_cast<double>(cutout.samples.width) * cutout.samples.height;
  return static_cast<double>(samples.count()) >= min_valid_fraction * area && samples.count() > 0;
}

// Spreads the scores of the measured frames over all frames; the others get the median, and all are clamped.
std::vector<double> clamped_quality(const std::vector<std::size_t>& measured,
                                    const std::vector<double>& scores, std::size_t frames,
                                    const Clamp& clamp) {
  std::vector<double> quality(frames, median(scores));
  for (std::size_t i = 0; i < measured.size(); ++i) quality[measured[i]] = scores[i];
  for (double& q : quality) q = std::clamp(q, clamp.low, clamp.high);
  return quality;
}

std::vector<double> star_quality(const std::vector<LocalMetrics>& frames, const LocalMetricsParams& params) {
  std::vector<std::size_t> measured;
  std::vector<double> log_fwhm, axis_ratio, contrast;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto& m = frames[i].star;
    if (!m) continue;
    measured.push_back(i);
    log_fwhm.push_back(m->log_fwhm);
    axis_ratio.push_back(m->axis_ratio);
    contrast.push_back(m->contrast);
  }
  const auto z_fwhm = z_scores(log_fwhm), z_ratio = z_scores(axis_ratio), z_contrast = z_scores(contrast);
  std::vector<double> scores(measured.size());
  for (std::size_t i = 0; i < measured.size(); ++i)
    scores[i] = params.star_weight_fwhm * -z_fwhm[i] + params.star_weight_roundness * z_ratio[i] +
                params.star_weight_contrast * z_contrast[i];
  return clamped_quality(measured, scores, frames.size(), params.clamp);
}

std::vector<double> structure_quality(const std::vector<LocalMetrics>& frames,
                                      const LocalMetricsParams& params) {
  std::vector<std::size_t> measured;
  std::vector<double> energy, background;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto& m = frames[i].structure;
    if (!m) continue;
    measured.push_back(i);
    energy.push_back(m->energy_over_noise);
    background.push_back(m->background);
  }
  const auto z_energy = z_scores(energy), z_background = z_scores(background);
  std::vector<double> scores(measured.size());
  for (std::size_t i = 0; i < measured.size(); ++i)
    scores[i] =
        params.structure_weight_metric * z_energy[i] - params.structure_weight_background * z_background[i];
  return clamped_quality(measured, scores, frames.size(), params.clamp);
}

// log(FWHM / F) at the tile's centre; a frame without a surface gets the median of the others.
std::vector<double> log_fwhm_ratios(const TileInput& input, std::size_t channel) {
  const FrameMetrics& metrics = *input.metrics;
  const double x = input.box.x0 + 0.5 * (input.box.w - 1), y = input.box.y0 + 0.5 * (input.box.h - 1);
  const double log_seeing = exact_log(metrics.seeing_px);
  std::vector<double> measured, ratios(input.frame_index.size());
  std::vector<std::size_t> without;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    const auto& surface =
        metrics.channels[channel][static_cast<std::size_t>(input.frame_index[i])].fwhm_surface;
    if (surface.empty()) {
      without.push_back(i);
      continue;
    }
    ratios[i] = log_fwhm_at(surface, x, y, metrics.image_width, metrics.image_height) - log_seeing;
    measured.push_back(ratios[i]);
  }
  const double typical = median(std::move(measured));
  for (std::size_t i : without) ratios[i] = typical;
  return ratios;
}

double mean_of_shares(const PlaneView<float>& shares) {
  double sum = 0;
  for (int y = 0; y < shares.height; ++y)
    for (int x = 0; x < shares.width; ++x) sum += shares.at(x, y);
  return sum / (static_cast<double>(shares.width) * shares.height);
}

// Share of the tile that a frame covers.
double covered_share(const FrameCutout& cutout) {
  const PlaneView<float>& samples = cutout.samples;
  if (cutout.shares.data != nullptr) return mean_of_shares(cutout.shares);
  std::int64_t valid = cutout.valid;
  if (valid < 0) {
    valid = 0;
    for (int y = 0; y < samples.height; ++y)
      for (int x = 0; x < samples.width; ++x) valid += samples.at(x, y) == samples.at(x, y) ? 1 : 0;
  }
  return static_cast<double>(valid) / (static_cast<double>(samples.width) * samples.height);
}

// n: `sharpness`, or the largest below it that leaves min_effective_fraction of the frames.
double exponent(const TileInput& input, std::size_t channel, const std::vector<LocalMetrics>& local,
                const std::vector<double>& log_ratio) {
  const double sharpness = input.local.sharpness, fraction = input.local.min_effective_fraction;
  if (!(fraction > 0)) return sharpness;
  const auto& frames = input.metrics->channels[channel];
  std::vector<double> share, quiet;
  for (std::size_t i = 0; i < log_ratio.size(); ++i) {
    share.push_back(local[i].covered_share);
    quiet.push_back(frames[static_cast<std::size_t>(input.frame_index[i])].inverse_variance);
  }
  const auto effective = [&](double n) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < quiet.size(); ++i) {
      const double w = quiet[i] * exact_exp(-n * log_ratio[i]);
      sum += share[i] * w;
      squares += share[i] * w * w;
    }
    return squares > 0 ? sum * sum / squares : 0;
  };
  const double least = fraction * effective(0);
  if (effective(sharpness) >= least) return sharpness;
  double low = 0, high = sharpness;
  for (int step = 0; step < kBisections; ++step) {
    const double middle = 0.5 * (low + high);
    (effective(middle) >= least ? low : high) = middle;
  }
  return low;
}

std::vector<double> seeing_quality(const TileInput& input, std::size_t channel,
                                   const std::vector<LocalMetrics>& local) {
  std::vector<double> log_ratio = log_fwhm_ratios(input, channel);
  const double n = exponent(input, channel, local, log_ratio);
  for (double& q : log_ratio) q *= -n;
  return log_ratio;
}

// A sky that was subtracted leaves a pedestal S; below the noise of the frames it is no base of a contrast.
bool sky_stands_out(const std::vector<FrameChannel>& frames) {
  const Normalization& n = frames.front().normalization;
  if (n.offset == 0 && n.pedestal == 0) return true;  // I / B
  return n.pedestal > median_noise(frames);
}

}  // namespace

std::optional<StarMetrics> measure_stars(const FrameCutout& cutout, const Box& box,
                                         const Normalization& normalization, const std::vector<int>& stars,
                                         const FrameMetrics& metrics, double min_valid_fraction,
                                         Distribution& scratch, bool contrast_over_sky) {
  scratch.assign(cutout.samples, cutout.code_step);
  if (!covers(scratch, cutout, min_valid_fraction)) return std::nullopt;
  const double b = normalization(clipped_location(scratch, cutout.code_step));
  std::vector<double> fwhm, axis_ratio, contrast;
  for (int s : stars) {
    const ReferenceStar& star = metrics.stars[static_cast<std::size_t>(s)];
    const StarShape shape =
        measure_star(cutout.samples, star.x - box.x0, star.y - box.y0, metrics.star_radius_px);
    if (!shape.measured) continue;
    fwhm.push_back(shape.fwhm_px);
    axis_ratio.push_back(shape.axis_ratio);
    const double base = contrast_over_sky ? std::max(b, kSmallestContrastBase) : 1;
    contrast.push_back((normalization(shape.sky + shape.peak) - b) / base);
  }
  if (fwhm.empty()) return std::nullopt;
  return StarMetrics{exact_log(median(fwhm)), median(axis_ratio), median(contrast)};
}

std::optional<StructureMetrics> measure_structure(const FrameCutout& cutout,
                                                  const Normalization& normalization,
                                                  double min_valid_fraction, Distribution& scratch) {
  scratch.assign(cutout.samples, cutout.code_step);
  if (!covers(scratch, cutout, min_valid_fraction)) return std::nullopt;
  const Clipped clipped = clip(scratch, cutout.code_step);
  const double noise = clipped.scale * normalization.gain;
  const double energy =
      gradient_energy(cutout.samples, scratch.whole_numbers()).mean * normalization.gain * normalization.gain;
  return StructureMetrics{noise > 0 ? energy / noise : 0, normalization(clipped.location)};
}

std::vector<LocalMetrics> measure_frames(const TileInput& input, std::size_t channel, TileKind kind,
                                         const std::vector<int>& stars) {
  std::vector<LocalMetrics> frames;
  Distribution scratch;
  const bool sky = sky_stands_out(input.metrics->channels[channel]);
  for (std::size_t i = 0; i < input.frame_index.size(); ++i) {
    const FrameCutout& cutout = input.cutouts[channel][i];
    const Normalization& n =
        input.metrics->channels[channel][static_cast<std::size_t>(input.frame_index[i])].normalization;
    LocalMetrics& m = frames.emplace_back();
    if (input.local.mode == LocalMetricsParams::Mode::kSeeing)
      m.covered_share = input.local.min_effective_fraction > 0 ? covered_share(cutout) : 0;
    else if (kind == TileKind::kStar)
      m.star = measure_stars(cutout, input.box, n, stars, *input.metrics, input.grid.min_valid_fraction,
                             scratch, sky);
    else
      m.structure = measure_structure(cutout, n, input.grid.min_valid_fraction, scratch);
  }
  return frames;
}

std::vector<double> local_quality(const TileInput& input, std::size_t channel, TileKind kind,
                                  const std::vector<LocalMetrics>& local) {
  if (input.local.mode == LocalMetricsParams::Mode::kSeeing) return seeing_quality(input, channel, local);
  return kind == TileKind::kStar ? star_quality(local, input.local) : structure_quality(local, input.local);
}

std::vector<double> frame_weights(const TileInput& input, std::size_t channel,
                                  const std::vector<double>& quality) {
  const bool seeing = input.local.mode == LocalMetricsParams::Mode::kSeeing;
  std::vector<double> weights;
  for (std::size_t i = 0; i < input.frame_index.size(); ++i) {
    const FrameChannel& frame =
        input.metrics->channels[channel][static_cast<std::size_t>(input.frame_index[i])];
    weights.push_back((seeing ? frame.inverse_variance : frame.weight) * exact_exp(quality[i]));
  }
  limit_shares(weights, input.max_frame_share);
  return weights;
}

}  // namespace tilecompile
