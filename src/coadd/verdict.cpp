#include "tilecompile/coadd/verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kLeastExcess = 0.25;
constexpr double kLeastSignificance = 5;

constexpr double kMedianScatter =
    2.33;  // relative scatter of the median of n squares of a normal number, times sqrt(n)

/// Squared gradients of pieces; their median, so that a bloomed star on one line does not count.
struct Energy {
  std::vector<double> squares;
  double typical() const { return median(squares); }
  double count() const { return static_cast<double>(squares.size()); }
};

// Median over the piece of the difference across the line between `line - 1` and `line`; NaN when half of it
// is missing.
double piece_gradient(const Plane<float>& image, int line, int from, int to, bool vertical) {
  std::vector<double> differences;
  for (int i = from; i < to; ++i) {
    const double d = vertical ? static_cast<double>(image.at(line, i)) - image.at(line - 1, i)
                              : static_cast<double>(image.at(i, line)) - image.at(i, line - 1);
    if (d == d) differences.push_back(d);
  }
  if (differences.size() * 2 < static_cast<std::size_t>(to - from)) return std::nan("");
  return median(std::move(differences));
}

void add_lines(const Plane<float>& image, const std::set<int>& lines, int piece_px, bool vertical, Energy& on,
               Energy& off) {
  const int across = vertical ? image.width() : image.height();
  const int along = vertical ? image.height() : image.width();
  for (int line = 1; line < across; ++line) {
    Energy& energy = lines.count(line) == 1 ? on : off;
    for (int from = 0; from + piece_px <= along; from += piece_px) {
      const double g = piece_gradient(image, line, from, from + piece_px, vertical);
      if (g != g) continue;
      energy.squares.push_back(g * g);
    }
  }
}

std::string format(const char* pattern, double a, double b) {
  char text[200];
  std::snprintf(text, sizeof text, pattern, a, b);
  return text;
}

}  // namespace

TilePattern tile_pattern(const Plane<float>& image, const Grid& grid) {
  std::set<int> columns, rows;
  for (const Box& t : grid.tiles) {
    for (int x : {t.x0, t.x1()})
      if (x > 0 && x < image.width()) columns.insert(x);
    for (int y : {t.y0, t.y1()})
      if (y > 0 && y < image.height()) rows.insert(y);
  }
  Energy on, off;
  add_lines(image, columns, grid.step, true, on, off);
  add_lines(image, rows, grid.step, false, on, off);
  TilePattern pattern;
  if (on.squares.empty() || off.squares.empty()) return pattern;
  if (!(off.typical() > 0)) {
    pattern.detected = on.typical() > 0;
    return pattern;
  }
  pattern.amplitude = on.typical() / off.typical();
  pattern.significance =
      (pattern.amplitude - 1) / (kMedianScatter * std::sqrt(1 / on.count() + 1 / off.count()));
  pattern.detected = pattern.amplitude > 1 + kLeastExcess && pattern.significance > kLeastSignificance;
  return pattern;
}

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
      improvement >= params.min_fwhm_improvement_percent,
      format("median FWHM %.2f %% below the classical stack", improvement, 0), ", at least %.2f %% asked for",
      params.min_fwhm_improvement_percent != open.min_fwhm_improvement_percent);
  const double rms = input.quality.background_rms_change_percent;
  add("background_rms_increase_percent", rms, params.max_background_rms_increase_percent,
      rms <= params.max_background_rms_increase_percent,
      format("background rms %.2f %% above the classical stack at equal star flux", rms, 0),
      ", at most %.2f %% allowed",
      params.max_background_rms_increase_percent != open.max_background_rms_increase_percent);
  add("tile_weight_variance", input.tile_weight_variance, params.min_tile_weight_variance,
      input.tile_weight_variance >= params.min_tile_weight_variance,
      format("relative variance of the tile weights %.3f", input.tile_weight_variance, 0),
      ", at least %.3f asked for", params.min_tile_weight_variance != open.min_tile_weight_variance);
  add("tile_pattern", input.pattern.amplitude, 1 + kLeastExcess,
      !params.require_no_tile_pattern || !input.pattern.detected,
      format("gradient energy on the grid lines %.3f of that off them, significance %.1f",
             input.pattern.amplitude, input.pattern.significance),
      ", at most %.2f allowed", params.require_no_tile_pattern);
  return checks;
}

}  // namespace tilecompile
