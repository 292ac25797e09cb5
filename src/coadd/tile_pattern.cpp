#include "tilecompile/coadd/tile_pattern.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kLeastSignificance = 5;
// The median of n squared normal numbers scatters by this much of itself, divided by sqrt(n).
constexpr double kMedianScatter = 2.33;
constexpr int kLeastStripPx = 2;
constexpr std::size_t kOnSets = 3;  // tile starts, tile ends, middles between them

/// Where to look for steps along one axis.
struct Lines {
  std::array<std::vector<int>, kOnSets> on;
  std::vector<int> off;
};

/// Squared steps, of each set of lines and off them.
struct Energies {
  std::array<std::vector<double>, kOnSets> on;
  std::vector<double> off;
};

int strip_px(const Grid& grid) {
  const int clear = (grid.size - 2 * grid.overlap) / 4;
  const int wanted = grid.size / 8;
  return std::max(kLeastStripPx, clear < kLeastStripPx ? wanted : std::min(wanted, clear));
}

/// Adds as many lines to [from, to) as fit `strip` apart, with two strips of room at either end.
void add_lines_between(int from, int to, int strip, std::vector<int>& lines) {
  const int spare = to - from - 4 * strip;
  if (spare < 0) return;
  const int last = spare / strip;
  for (int i = 0; i <= last; ++i) lines.push_back(from + 2 * strip + (spare - last * strip) / 2 + i * strip);
}

Lines lines_of_axis(const std::set<int>& starts, int tile_px, int length, int strip) {
  Lines lines;
  std::vector<int> borders = {0};  // where one tile alone reaches: begin, end, begin, end, ...
  for (auto next = starts.begin(), start = next++; next != starts.end(); start = next++) {
    const int end = *start + tile_px;
    borders.insert(borders.end(), {*next, end});
    lines.on[0].push_back(*next);
    lines.on[1].push_back(end);
    lines.on[2].push_back((*next + end) / 2);
  }
  borders.push_back(length);
  for (std::size_t i = 0; i + 1 < borders.size(); i += 2)
    add_lines_between(borders[i], borders[i + 1], strip, lines.off);
  if (!lines.off.empty()) return lines;
  // The overlaps touch, so no place has one tile alone: lines between the borders have to do.
  std::sort(borders.begin(), borders.end());
  for (std::size_t i = 0; i + 1 < borders.size(); ++i)
    add_lines_between(borders[i], borders[i + 1], strip, lines.off);
  return lines;
}

/// Median of the valid pixels; NaN when half of them are missing.
double strip_median(const Plane<double>& difference, const Box& strip) {
  std::vector<double> valid;
  valid.reserve(strip.area());
  for (int y = strip.y0; y < strip.y1(); ++y)
    for (int x = strip.x0; x < strip.x1(); ++x)
      if (const double d = difference.at(x, y); d == d) valid.push_back(d);
  return valid.size() * 2 < strip.area() ? std::nan("") : median(std::move(valid));
}

/// Squared steps across `lines`: each line is cut into pieces of `piece` px, and each piece gives one.
void add_steps(const Plane<double>& difference, const std::vector<int>& lines, bool columns, int strip,
               int piece, std::vector<double>& squares) {
  const int across = columns ? difference.width() : difference.height();
  const int along = columns ? difference.height() : difference.width();
  for (const int line : lines) {
    if (line < 2 * strip || line + 2 * strip > across) continue;
    for (int from = 0; from + piece <= along; from += piece) {
      std::array<double, 4> m{};
      for (int i = 0; i < 4; ++i) {
        const int begin = line + (i - 2) * strip;
        m[static_cast<std::size_t>(i)] = strip_median(
            difference, columns ? Box{begin, from, strip, piece} : Box{from, begin, piece, strip});
      }
      const double step = 1.5 * (m[2] - m[1]) - 0.5 * (m[3] - m[0]);
      if (step == step) squares.push_back(step * step);
    }
  }
}

Energies measure(const Plane<double>& difference, const Grid& grid) {
  std::set<int> column_starts, row_starts;
  for (const Box& t : grid.tiles) {
    column_starts.insert(t.x0);
    row_starts.insert(t.y0);
  }
  const int strip = strip_px(grid);
  Energies energies;
  for (const bool columns : {true, false}) {
    const Lines lines = lines_of_axis(columns ? column_starts : row_starts, grid.size,
                                      columns ? difference.width() : difference.height(), strip);
    for (std::size_t i = 0; i < kOnSets; ++i)
      add_steps(difference, lines.on[i], columns, strip, grid.step, energies.on[i]);
    add_steps(difference, lines.off, columns, strip, grid.step, energies.off);
  }
  return energies;
}

}  // namespace

TilePattern tile_pattern(const Plane<float>& image, const Plane<float>& classical, const Grid& grid) {
  Plane<double> difference(image.width(), image.height());
  for (std::size_t i = 0; i < image.size(); ++i)
    difference.samples()[i] = static_cast<double>(image.samples()[i]) - classical.samples()[i];
  const Energies energies = measure(difference, grid);
  const double off = median(energies.off);
  TilePattern pattern;
  for (std::size_t i = 0; i < kOnSets; ++i) {
    const double on = median(energies.on[i]);
    if (energies.on[i].empty() || energies.off.empty()) continue;
    if (!(off > 0)) {
      pattern.detected |= on > 0;
      continue;
    }
    const double amplitude = on / off;
    const double significance =
        (amplitude - 1) / (kMedianScatter * std::sqrt(1 / static_cast<double>(energies.on[i].size()) +
                                                      1 / static_cast<double>(energies.off.size())));
    if (i > 0 && significance <= pattern.significance) continue;
    pattern = {amplitude, significance,
               amplitude >= kLeastPatternAmplitude && significance > kLeastSignificance};
  }
  return pattern;
}

}  // namespace tilecompile
