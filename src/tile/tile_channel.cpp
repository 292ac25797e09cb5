#include "tile_channel.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "local_sky.hpp"
#include "noise_guard.hpp"
#include "residual_noise.hpp"
#include "row_sums.hpp"
#include "tilecompile/frame/footprint.hpp"
#include "tilecompile/frame/weight_limits.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {

namespace {

constexpr double kLeastOfMedianNoise = 0.1;  // no frame outweighs the median one more than 100 times

Plane<float> rounded(const Plane<double>& plane) {
  if (plane.empty()) return {};
  Plane<float> result(plane.width(), plane.height());
  for (std::size_t i = 0; i < plane.size(); ++i) result.samples()[i] = static_cast<float>(plane.samples()[i]);
  return result;
}

// Smallest and largest valid sample; both 0 without one.
std::pair<float, float> value_range(const Plane<float>& plane) {
  std::pair<float, float> range{0, 0};
  bool any = false;
  for (const float v : plane.samples()) {
    if (v != v) continue;
    range = any ? std::pair{std::min(range.first, v), std::max(range.second, v)} : std::pair{v, v};
    any = true;
  }
  return range;
}

// A mean of frames lies between them, and everyone who checks a tile counts on that: no pixel leaves the
// range of the tile for a star's light.
void add_inside_range(const Plane<double>& light, Plane<float>& mean) {
  const auto [low, high] = value_range(mean);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    float& v = mean.samples()[i];
    if (v == v) v = std::clamp(static_cast<float>(v + light.samples()[i]), low, high);
  }
}

// Without the pixels above the median, where stars of other widths would be noise.
Plane<double> dark_half(Plane<double> mean) {
  std::vector<double> known;
  for (const double v : mean.samples())
    if (v == v) known.push_back(v);
  const double middle = median(std::move(known));
  for (double& v : mean.samples())
    if (v > middle) v = std::numeric_limits<double>::quiet_NaN();
  return mean;
}

// q from the noise of the sky inside the tile. That of the whole frame also holds its moonlight and
// vignetting, which are gone from the cut-outs, and would hold such frames back.
void set_quiet_weights(const std::vector<double>& noise, double max_frame_share,
                       std::vector<WeightedCutout>& cutouts) {
  const double least = kLeastOfMedianNoise * median(noise);
  std::vector<double> weights;
  for (std::size_t i = 0; i < cutouts.size(); ++i) {
    const double ratio = cutouts[i].noise / std::max(noise[i], least);
    weights.push_back(cutouts[i].quiet_weight * (std::isfinite(ratio) && ratio > 0 ? ratio * ratio : 1));
  }
  limit_shares(weights, max_frame_share);
  for (std::size_t i = 0; i < cutouts.size(); ++i) cutouts[i].quiet_weight = weights[i];
}

void multiply(Plane<float>& ramp, const PlaneView<float>& shares) {
  for (int y = 0; y < ramp.height(); ++y)
    for (int x = 0; x < ramp.width(); ++x) ramp.at(x, y) *= shares.at(x, y);
}

}  // namespace

std::vector<WeightedCutout> weighted_cutouts(const TileInput& input, std::size_t channel,
                                             const std::vector<double>& frame_weight, CutoutPlanes& planes) {
  const auto& frames = input.metrics->channels[channel];
  std::vector<WeightedCutout> cutouts;
  planes.ramps.resize(input.frame_index.size());
  if (input.reconstruction.local_sky == ReconstructionParams::LocalSky::kMean)
    planes.levelled = without_own_skies(input, channel);
  for (std::size_t i = 0; i < input.frame_index.size(); ++i) {
    const FrameChannel& frame = frames[static_cast<std::size_t>(input.frame_index[i])];
    const FrameCutout& cutout = input.cutouts[channel][i];
    const bool levelled = !planes.levelled.empty() && !frame.sky_surface.empty();
    Plane<float>& ramp = planes.ramps[i];
    const PlaneView<float>& shares = cutout.shares;
    ramp = edge_ramp(frame.footprint, input.box, input.reconstruction.edge_feather_px);
    if (!ramp.empty() && shares.data != nullptr) multiply(ramp, shares);
    cutouts.push_back({levelled ? planes.levelled.view(i) : cutout.samples, frame.normalization,
                       frame_weight[i], frame.inverse_variance, frame.noise, ramp.empty() ? nullptr : &ramp,
                       nullptr, shares, cutout.whole(), frame.spread_px});
  }
  return cutouts;
}

TileChannel finish_channel(WeightedMean mean, std::vector<double> frame_weight, int frame_chunk) {
  TileChannel result;
  result.sum_weights = frame_sum(frame_weight, frame_chunk);
  result.rejected_low.assign(frame_weight.size(), 0);
  result.rejected_high.assign(frame_weight.size(), 0);
  result.frame_weight = std::move(frame_weight);
  Distribution samples;
  samples.assign(mean.mean.view(), 0);
  result.background = clipped_location(samples, 0);
  result.median = samples.count() == 0 ? 0 : samples.median() - result.background;
  result.pixels = std::move(mean.mean);
  result.coverage = std::move(mean.coverage);
  result.weight = std::move(mean.weight);
  result.variance = std::move(mean.variance);
  result.effective_frames = std::move(mean.effective_frames);
  result.fallback_used = mean.fallback_used;
  return result;
}

PreparedChannel::PreparedChannel(const TileInput& input, std::size_t channel,
                                 const std::vector<double>& frame_weight)
    : box_(input.box),
      params_(input.reconstruction),
      cutouts_(weighted_cutouts(input, channel, frame_weight, planes_)) {
  if (params_.rejection.mode == RejectionParams::Mode::kSigmaClip) {
    rejection_ = reject_outliers(cutouts_, box_.w, box_.h, params_.rejection);
    for (std::size_t i = 0; i < cutouts_.size(); ++i)
      if (!rejection_.kept[i].empty()) {
        cutouts_[i].kept = &rejection_.kept[i];
        cutouts_[i].touched = &rejection_.touched[i];
      }
  }
  const Plane<double> mean = sampled_mean(cutouts_, box_.w, box_.h, params_.frame_chunk);
  const std::vector<double> noise = residual_noise(cutouts_, mean, frame_weight);
  const bool guarded = params_.noise_guard.mode == NoiseGuardParams::Mode::kSignificance;
  if (guarded)
    set_quiet_weights(residual_noise(cutouts_, dark_half(mean), frame_weight), input.max_frame_share,
                      cutouts_);
  for (std::size_t i = 0; i < cutouts_.size(); ++i) cutouts_[i].noise = noise[i];
  if (guarded) guard_noise(input.metrics->seeing_px);
}

const Plane<std::uint8_t>* PreparedChannel::plain() const {
  return rejection_.plain.empty() ? nullptr : &rejection_.plain;
}

PixelMix PreparedChannel::mix() const {
  return sharp_share_.empty() ? PixelMix{} : PixelMix{&quiet_share_, &sharp_share_};
}

WeightedMean PreparedChannel::mean_of(const std::vector<WeightedCutout>& cutouts) const {
  return weighted_mean(cutouts, box_.w, box_.h, params_.frame_chunk, mix(), plain());
}

// The guarded mean N + s (R - N) is the mean with weights (1 - s) q / sum q + s W / sum W, here times sum W.
void PreparedChannel::guard_noise(double seeing_px) {
  const SharpAndQuiet means = sharp_and_quiet(cutouts_, box_.w, box_.h, params_.frame_chunk, plain());
  GuardedStars stars = guard_stars(means.sharp, means.quiet, params_.noise_guard, seeing_px);
  sharp_share_ = std::move(stars.sharp_share);
  light_left_out_ = std::move(stars.light_left_out);
  quiet_share_ = Plane<double>(box_.w, box_.h);
  for (std::size_t i = 0; i < quiet_share_.size(); ++i) {
    const double ratio =
        static_cast<double>(means.sharp_weight.samples()[i]) / means.quiet_weight.samples()[i];
    quiet_share_.samples()[i] = ratio == ratio ? (1 - sharp_share_.samples()[i]) * ratio : 0;
  }
}

TileChannel PreparedChannel::reconstruct(const std::vector<std::size_t>& members) const {
  std::vector<WeightedCutout> cutouts;
  std::vector<double> weights;
  for (std::size_t i : members) {
    cutouts.push_back(cutouts_[i]);
    weights.push_back(cutouts_[i].weight);
  }
  WeightedMean mean = mean_of(cutouts);
  if (!light_left_out_.empty()) add_inside_range(light_left_out_, mean.mean);
  TileChannel result = finish_channel(std::move(mean), std::move(weights), params_.frame_chunk);
  for (std::size_t k = 0; k < members.size() && !rejection_.low.empty(); ++k) {
    result.rejected_low[k] = static_cast<double>(rejection_.low[members[k]]);
    result.rejected_high[k] = static_cast<double>(rejection_.high[members[k]]);
  }
  return result;
}

TileChannel PreparedChannel::reconstruct() const {
  std::vector<std::size_t> all(cutouts_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  TileChannel result = reconstruct(all);
  result.light_low = rounded(rejection_.light_low);
  result.light_high = rounded(rejection_.light_high);
  return result;
}

// A frame alone in the sums of the row shows what it adds to them.
PixelStory PreparedChannel::tell(int x, int y) const {
  const auto at = static_cast<std::size_t>(x);
  RowSums sums(static_cast<std::size_t>(box_.w)), equal = sums;
  sum_row(cutouts_, mix(), y, static_cast<std::size_t>(std::max(1, params_.frame_chunk)), sums);
  const double sum_of_weights = sums.weight[at];
  plain_row(cutouts_, y, 1, equal);
  const double sum_of_shares = equal.weight[at];
  PixelStory story;
  Plane<float> mean = mean_of(cutouts_).mean;
  const float without_light = mean.at(x, y);
  if (!light_left_out_.empty()) add_inside_range(light_left_out_, mean);
  story.value = mean.at(x, y);
  if (!std::isnan(without_light)) story.star_light = story.value - without_light;
  story.plain =
      sum_of_weights < kLeastWeight || (!rejection_.plain.empty() && rejection_.plain.at(x, y) != 0);
  if (!sharp_share_.empty()) story.sharp_share = sharp_share_.at(x, y);
  for (const WeightedCutout& cutout : cutouts_) {
    FrameAtPixel& part = story.frames.emplace_back();
    if (cutout.ramp != nullptr) part.border_ramp = cutout.ramp->at(x, y);
    plain_row({cutout}, y, 1, equal);
    part.covered = equal.count[at] > 0;
    if (!part.covered) continue;
    sum_row({cutout}, mix(), y, 1, sums);
    part.value = equal.value[at];
    part.rejected = !story.plain && cutout.kept != nullptr && cutout.kept->at(x, y) == 0;
    part.weight = sums.weight[at];
    part.share = story.plain ? equal.weight[at] / sum_of_shares : part.weight / sum_of_weights;
  }
  return story;
}

}  // namespace tilecompile
