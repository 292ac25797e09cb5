#include "tilecompile/coadd/verdict.hpp"

#include <cmath>
#include <cstdio>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

std::string format(const char* pattern, double a, double b) {
  char text[200];
  std::snprintf(text, sizeof text, pattern, a, b);
  return text;
}

std::string next_to_stack(const std::string& figure, double percent_above) {
  return figure + format(" %.2f %% ", std::abs(percent_above), 0) + (percent_above < 0 ? "below" : "above") +
         " the classical stack";
}

}  // namespace

double tile_weight_variance(const std::vector<std::vector<double>>& weights) {
  std::vector<double> variances;
  for (const auto& tile : weights) {
    const double n = static_cast<double>(tile.size());
    double sum = 0, squares = 0;
    for (double w : tile) sum += w;
    const double mean = sum / n;
    for (double w : tile) squares += (w - mean) * (w - mean);
    if (mean > 0) variances.push_back(squares / n / (mean * mean));
  }
  return median(std::move(variances));
}

std::vector<VerdictCheck> judge(const VerdictInput& input, const ValidationParams& params) {
  // The defaults of ValidationParams are limits that everything keeps: the texts do not mention them.
  const ValidationParams open;
  std::vector<VerdictCheck> checks;
  const auto add = [&](const char* name, double value, double threshold, bool passed, std::string text,
                       const char* limit, bool limited) {
    if (limited) text += format(limit, threshold, 0);
    checks.push_back({name, input.channel, value, threshold, passed, std::move(text)});
  };
  const double improvement = -input.quality.fwhm_change_percent;
  add("fwhm_improvement_percent", improvement, params.min_fwhm_improvement_percent,
      improvement >= params.min_fwhm_improvement_percent, next_to_stack("median FWHM", -improvement),
      ", at least %.2f %% below asked for",
      params.min_fwhm_improvement_percent != open.min_fwhm_improvement_percent);
  const double rms = input.quality.background_rms_change_percent;
  add("background_rms_increase_percent", rms, params.max_background_rms_increase_percent,
      rms <= params.max_background_rms_increase_percent,
      next_to_stack("background rms", rms) + " at equal star flux", ", at most %.2f %% above allowed",
      params.max_background_rms_increase_percent != open.max_background_rms_increase_percent);
  add("tile_weight_variance", input.tile_weight_variance, params.min_tile_weight_variance,
      input.tile_weight_variance >= params.min_tile_weight_variance,
      format("relative variance of the tile weights %.3f", input.tile_weight_variance, 0),
      ", at least %.3f asked for", params.min_tile_weight_variance != open.min_tile_weight_variance);
  add("tile_pattern", input.pattern.amplitude, kLeastPatternAmplitude,
      !params.require_no_tile_pattern || !input.pattern.detected,
      format("gradient energy on the grid lines %.3f of that off them, significance %.1f",
             input.pattern.amplitude, input.pattern.significance),
      ", at most %.2f allowed", params.require_no_tile_pattern);
  return checks;
}

}  // namespace tilecompile
