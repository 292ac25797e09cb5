#include "tilecompile/coadd/verdict.hpp"

#include <cmath>
#include <cstdio>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kMostDecimals = 6;

std::string number(double v, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, v);
  return text;
}

std::string plain(double v) {
  char text[64];
  std::snprintf(text, sizeof text, "%g", v);
  return text;
}

// A figure and its uncertainty with as many decimals as the uncertainty needs for one digit, and as it takes
// to tell the figure from its threshold: a text that says "missed" must show it.
std::string figure(double value, double uncertainty, double threshold, int decimals) {
  const auto enough = [&](int d) {
    if (uncertainty > 0 && std::stod(number(uncertainty, d)) == 0) return false;
    return value == threshold || number(value, d) != number(threshold, d);
  };
  while (decimals < kMostDecimals && !enough(decimals)) ++decimals;
  const std::string text = number(std::abs(value), decimals);
  return std::isfinite(uncertainty) ? text + " +- " + number(uncertainty, decimals) : text;
}

/// How far a value may lie on the wrong side of its threshold.
enum class Wanted { kAtLeast, kAtMost };

struct Limit {
  double threshold;
  Wanted wanted;
  bool asked;        // by the configuration; else the text does not mention it
  std::string text;  // "at least 5 % sharper asked for"
};

VerdictCheck check_of(const std::string& name, int channel, double value, double uncertainty,
                      const Limit& limit, const std::string& text) {
  const double beyond = limit.wanted == Wanted::kAtLeast ? limit.threshold - value : value - limit.threshold;
  VerdictCheck check{name, channel, value, uncertainty, limit.threshold, !(beyond > uncertainty), text};
  if (!limit.asked) return check;
  check.text += ", " + limit.text;
  if (!std::isfinite(uncertainty))
    check.text += ": not judged, as fewer than 3 places tell how sure that is";
  else if (!check.passed)
    check.text += ": missed by more than its uncertainty";
  else if (beyond > 0)
    check.text += ": missed by less than its uncertainty, so it counts as kept";
  return check;
}

VerdictCheck check_sharpness(const VerdictInput& input, double threshold, bool asked) {
  const double sharper = -input.quality.fwhm_change_percent;
  const double uncertainty = input.quality.fwhm_change_uncertainty_percent;
  const Limit limit{threshold, Wanted::kAtLeast, asked,
                    threshold >= 0 ? "at least " + plain(threshold) + " % sharper asked for"
                                   : "at most " + plain(-threshold) + " % wider allowed"};
  if (input.quality.star_count == 0)
    return check_of("fwhm_improvement_percent", input.channel, sharper, std::nan(""), limit,
                    "no star was sharp and bright enough to be measured");
  return check_of("fwhm_improvement_percent", input.channel, sharper, uncertainty, limit,
                  "stars " + figure(sharper, uncertainty, threshold, 1) +
                      (sharper >= 0 ? " % sharper" : " % wider") + " than in the plain mean");
}

VerdictCheck check_noise(const VerdictInput& input, double threshold, bool asked) {
  const double noisier = input.quality.background_rms_change_percent;
  const double uncertainty = input.quality.background_rms_change_uncertainty_percent;
  const Limit limit{threshold, Wanted::kAtMost, asked,
                    threshold >= 0 ? "at most " + plain(threshold) + " % noisier allowed"
                                   : "at least " + plain(-threshold) + " % quieter asked for"};
  if (input.quality.sky_cell_count == 0)
    return check_of("background_rms_increase_percent", input.channel, noisier, std::nan(""), limit,
                    "nowhere was there sky enough between the objects to measure its noise");
  return check_of("background_rms_increase_percent", input.channel, noisier, uncertainty, limit,
                  "sky " + figure(noisier, uncertainty, threshold, 1) +
                      (noisier > 0 ? " % noisier" : " % quieter") +
                      " than that of the plain mean at equal star flux");
}

}  // namespace

WeightVariance tile_weight_variance(const std::vector<std::vector<double>>& weights) {
  std::vector<double> variances;
  for (const auto& tile : weights) {
    const double n = static_cast<double>(tile.size());
    double sum = 0, squares = 0;
    for (double w : tile) sum += w;
    const double mean = sum / n;
    for (double w : tile) squares += (w - mean) * (w - mean);
    if (mean > 0) variances.push_back(squares / n / (mean * mean));
  }
  return {median(variances), median_uncertainty(variances)};
}

std::vector<VerdictCheck> judge(const VerdictInput& input, const ValidationParams& params) {
  // The defaults of ValidationParams are limits that everything keeps: the texts do not mention them.
  const ValidationParams open;
  const WeightVariance& variance = input.tile_weight_variance;
  const TilePattern& pattern = input.pattern;
  const double least = params.min_tile_weight_variance;
  const bool no_pattern = params.require_no_tile_pattern;
  std::string grid = "steps on the lines of the tile grid " +
                     figure(pattern.amplitude, std::nan(""), pattern.limit, 3) + " of those off them";
  if (no_pattern) grid += ", up to " + number(pattern.limit, 3) + " can be chance";
  return {check_sharpness(input, params.min_fwhm_improvement_percent,
                          params.min_fwhm_improvement_percent != open.min_fwhm_improvement_percent),
          check_noise(input, params.max_background_rms_increase_percent,
                      params.max_background_rms_increase_percent != open.max_background_rms_increase_percent),
          check_of("tile_weight_variance", input.channel, variance.median, variance.uncertainty,
                   {least, Wanted::kAtLeast, least != open.min_tile_weight_variance,
                    "at least " + plain(least) + " asked for"},
                   "relative variance of the tile weights " +
                       figure(variance.median, variance.uncertainty, least, 3)),
          {"tile_pattern", input.channel, pattern.amplitude, 0, pattern.limit,
           !no_pattern || !pattern.detected, grid}};
}

}  // namespace tilecompile
