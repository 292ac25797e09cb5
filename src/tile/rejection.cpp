#include "rejection.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "pixel_statistics.hpp"
#include "rejected_tracks.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/smoothing.hpp"

namespace tilecompile {
namespace {

// The kept I' of one pixel over frames.
struct PixelSamples {
  std::vector<float> value;
  std::vector<std::size_t> cutout;
  std::vector<float> scratch;

  void clear() {
    value.clear();
    cutout.clear();
  }
  double location() const { return median_of_few(value); }
  double scale(double location) {
    scratch.resize(value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
      scratch[i] = static_cast<float>(std::abs(value[i] - location));
    return 1.4826 * median_of_few(scratch);
  }
};

// Mean of the shares of the valid samples of a pixel; empty for frames that are not drizzled.
Plane<double> mean_share(const std::vector<WeightedCutout>& cutouts, int width, int height) {
  if (cutouts.empty() || cutouts.front().shares.data == nullptr) return {};
  Plane<double> sum(width, height), count = sum;
  for (const WeightedCutout& c : cutouts)
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x) {
        const double m = c.shares.at(x, y);
        sum.at(x, y) += m;
        count.at(x, y) += m > 0 ? 1 : 0;
      }
  for (std::size_t i = 0; i < sum.size(); ++i) sum.samples()[i] /= std::max(1.0, count.samples()[i]);
  return sum;
}

constexpr double kContrastShare = 4, kContrastNoise = 4;

class Rejector {
 public:
  Rejector(const std::vector<WeightedCutout>& cutouts, int width, int height, const RejectionParams& params)
      : cutouts_(cutouts),
        width_(width),
        height_(height),
        params_(params),
        widening_(cutouts.size(), 1),
        before_(pixel_statistics(cutouts, width, height)),
        limits_{before_.location, before_.scale, Plane<double>(width, height), before_.samples},
        seeds_(cutouts.size()),
        starlight_(light_of_stars_near()) {
    std::vector<double> noise;
    for (const WeightedCutout& c : cutouts) noise.push_back(c.noise);
    typical_noise_ = median(noise);
    const double typical = typical_noise_;
    for (std::size_t i = 0; i < noise.size(); ++i)
      if (noise[i] > typical && typical > 0) widening_[i] = noise[i] / typical;
    result_.kept.resize(cutouts.size());
    result_.low.assign(cutouts.size(), 0);
    result_.high.assign(cutouts.size(), 0);
    result_.plain = Plane<std::uint8_t>(width, height);
    result_.light_low = result_.light_high = Plane<double>(width, height);
    limits_.mean_share = mean_share(cutouts, width, height);
  }

  Rejection run() {
    // The noise of whole frames keeps the limits open where coarse codes leave a MAD of 0.
    const double least_scale = std::max(typical_scale(), typical_noise_);
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) {
        if (before_.samples.at(x, y) == 0) continue;
        const double wider = tolerance(x, y, least_scale);
        limits_.tolerance.at(x, y) = wider;
        limits_.scale.at(x, y) = std::max(before_.scale.at(x, y), least_scale);
        if (all_within(x, y, least_scale, wider)) continue;
        gather(x, y);
        reject_at(x, y, least_scale, wider);
      }
    grow_tracks(cutouts_, widening_, limits_, params_.min_kept_fraction, std::move(seeds_), result_);
    for (const Plane<std::uint8_t>& kept : result_.kept) {
      std::vector<std::uint8_t>& touched = result_.touched.emplace_back();
      for (int y = 0; y < kept.height(); ++y)
        touched.push_back(std::memchr(kept.row(y), 0, static_cast<std::size_t>(width_)) != nullptr ? 1 : 0);
    }
    return std::move(result_);
  }

 private:
  void gather(int x, int y) {
    samples_.clear();
    for (std::size_t i = 0; i < cutouts_.size(); ++i) {
      const float s = cutouts_[i].samples.at(x, y);
      if (s != s) continue;
      samples_.value.push_back(static_cast<float>(cutouts_[i].normalization(s)));
      samples_.cutout.push_back(i);
    }
  }

  // Median of the scales of the pixels before anything is dropped.
  double typical_scale() const {
    std::vector<double> scales;
    for (std::size_t p = 0; p < before_.samples.size(); ++p)
      if (before_.samples.samples()[p] > 1) scales.push_back(before_.scale.samples()[p]);
    return median(std::move(scales));
  }

  // Whether the first round drops nothing, since not even the extremes lie beyond the narrowest limits.
  bool all_within(int x, int y, double least_scale, double tolerance) const {
    const double middle = before_.location.at(x, y), scale = std::max(before_.scale.at(x, y), least_scale);
    return before_.largest.at(x, y) - middle <= params_.sigma_high * scale + tolerance &&
           before_.least.at(x, y) - middle >= -params_.sigma_low * scale - tolerance;
  }

  // How much brighter than here it is somewhere as near as a spread frame may carry the light of a star;
  // empty without such a frame.
  Plane<double> light_of_stars_near() const {
    double reach_px = 0;
    for (const WeightedCutout& c : cutouts_) reach_px = std::max(reach_px, c.spread_px);
    if (reach_px == 0) return {};
    Plane<double> known = before_.location;
    for (double& v : known.samples())
      if (v != v) v = -std::numeric_limits<double>::infinity();
    Plane<double> above = maximum_filter(known, static_cast<int>(std::ceil(reach_px)));
    for (std::size_t i = 0; i < above.size(); ++i) above.samples()[i] -= known.samples()[i];
    return above;
  }

  // What a change of the seeing may do to a pixel: a share of the range of the medians around it, of which
  // their noise is taken away.
  double tolerance(int x, int y, double least_scale) const {
    double low = before_.location.at(x, y), high = low;
    for (int v = std::max(0, y - 1); v <= std::min(height_ - 1, y + 1); ++v)
      for (int u = std::max(0, x - 1); u <= std::min(width_ - 1, x + 1); ++u) {
        const double m = before_.location.at(u, v);
        if (m < low) low = m;
        if (m > high) high = m;
      }
    const double noise = least_scale / std::sqrt(static_cast<double>(before_.samples.at(x, y)));
    return kContrastShare * std::max(0.0, high - low - kContrastNoise * noise);
  }

  struct Dropped {
    std::size_t cutout;
    float value;
    bool high;
  };

  void reject_at(int x, int y, double least_scale, double tolerance) {
    dropped_.clear();
    const std::size_t valid = samples_.value.size();
    double middle = before_.location.at(x, y), scale = before_.scale.at(x, y);
    for (int round = 0; round < params_.rounds; ++round) {
      if (round > 0) {
        middle = samples_.location();
        scale = samples_.scale(middle);
      }
      const double starlight = starlight_.empty() ? 0 : starlight_.at(x, y);
      if (!drop_beyond(middle, std::max(scale, least_scale), tolerance, starlight)) break;
    }
    limits_.middle.at(x, y) = middle;
    limits_.scale.at(x, y) = std::max(scale, least_scale);
    if (dropped_.empty()) return;
    if (static_cast<double>(samples_.value.size()) < params_.min_kept_fraction * static_cast<double>(valid)) {
      result_.plain.at(x, y) = 1;
      return;
    }
    for (const Dropped& d : dropped_) {
      Plane<std::uint8_t>& kept = result_.kept[d.cutout];
      if (kept.empty()) kept = Plane<std::uint8_t>(width_, height_, 1);
      kept.at(x, y) = 0;
      ++(d.high ? result_.high : result_.low)[d.cutout];
      (d.high ? result_.light_high : result_.light_low).at(x, y) +=
          part_of_light(cutouts_[d.cutout], limits_, x, y) * (d.value - middle);
      if (d.high) seeds_[d.cutout].push_back({x, y});
    }
  }

  bool drop_beyond(double middle, double scale, double tolerance, double starlight) {
    std::size_t left = 0;
    for (std::size_t i = 0; i < samples_.value.size(); ++i) {
      const std::size_t frame = samples_.cutout[i];
      const double off = (samples_.value[i] - middle) / widening_[frame];
      const double above = cutouts_[frame].spread_px > 0 ? std::max(tolerance, starlight) : tolerance;
      if (off > params_.sigma_high * scale + above || off < -params_.sigma_low * scale - tolerance) {
        dropped_.push_back({frame, samples_.value[i], off > 0});
        continue;
      }
      samples_.value[left] = samples_.value[i];
      samples_.cutout[left++] = frame;
    }
    const bool any = left < samples_.value.size();
    samples_.value.resize(left);
    samples_.cutout.resize(left);
    return any && left > 0;
  }

  const std::vector<WeightedCutout>& cutouts_;
  int width_, height_;
  const RejectionParams& params_;
  double typical_noise_ = 0;
  std::vector<double> widening_;
  const PixelStatistics before_;                // anything is dropped
  PixelLimits limits_;                          // of the last round
  std::vector<std::vector<PixelPlace>> seeds_;  // [cutout] rejected above
  const Plane<double> starlight_;
  PixelSamples samples_;
  std::vector<Dropped> dropped_;
  Rejection result_;
};

}  // namespace

Rejection reject_outliers(const std::vector<WeightedCutout>& cutouts, int width, int height,
                          const RejectionParams& params) {
  return Rejector(cutouts, width, height, params).run();
}

}  // namespace tilecompile
