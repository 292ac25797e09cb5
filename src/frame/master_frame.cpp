#include "tilecompile/frame/master_frame.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/sorted_pixels.hpp"

namespace tilecompile {
namespace {

constexpr double kMasterKappa = 3, kSdPerMad = 1.4826, kLeastKeptShare = 0.5;
constexpr int kMasterRounds = 3;
constexpr std::size_t kMasterChunk = 64;
constexpr float kNoSample = std::numeric_limits<float>::quiet_NaN();

double middle_of(const std::vector<float>& sorted, std::size_t begin, std::size_t end) {
  const std::size_t n = end - begin, at = begin + n / 2;
  return n % 2 == 1 ? sorted[at] : 0.5 * (static_cast<double>(sorted[at - 1]) + sorted[at]);
}

// Median of |x - middle| over sorted[begin .. end): the two sides are merged from the middle outwards.
double deviation_of(const std::vector<float>& sorted, std::size_t begin, std::size_t end, double middle) {
  const std::size_t n = end - begin;
  std::size_t below = begin + n / 2, above = below;
  double last = 0, before = 0;
  for (std::size_t taken = 0; taken <= n / 2; ++taken) {
    const bool from_below =
        above == end || (below > begin && middle - sorted[below - 1] <= sorted[above] - middle);
    before = last;
    last = from_below ? middle - sorted[--below] : sorted[above++] - middle;
  }
  return n % 2 == 1 ? last : 0.5 * (before + last);
}

struct Limits {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

/// What is kept of one pixel's sorted samples.
Limits clip_limits(const std::vector<float>& sorted, double middle, double scale, double least_scale) {
  Limits limits;
  std::size_t begin = 0, end = sorted.size();
  for (int round = 0; round < kMasterRounds; ++round) {
    if (round > 0) {
      middle = middle_of(sorted, begin, end);
      scale = kSdPerMad * deviation_of(sorted, begin, end, middle);
    }
    const double reach = kMasterKappa * std::max(scale, least_scale);
    const std::size_t old_begin = begin, old_end = end;
    while (begin < end && middle - sorted[begin] > reach) ++begin;
    while (end > begin && sorted[end - 1] - middle > reach) --end;
    if (begin == old_begin && end == old_end) break;
  }
  if (static_cast<double>(end - begin) < kLeastKeptShare * static_cast<double>(sorted.size())) return {};
  limits.low = sorted[begin];
  limits.high = sorted[end - 1];
  return limits;
}

float mean_within(const std::vector<const float*>& frames, std::size_t x, const Limits& limits) {
  double sum = 0, count = 0;
  for (std::size_t first = 0; first < frames.size(); first += kMasterChunk) {
    double part = 0;
    for (std::size_t f = first; f < std::min(frames.size(), first + kMasterChunk); ++f) {
      const double s = frames[f][x];
      if (!(s >= limits.low && s <= limits.high)) continue;  // NaN neither
      part += s;
      count += 1;
    }
    sum += part;
  }
  return count > 0 ? static_cast<float>(sum / count) : kNoSample;
}

/// The sorted samples of a row's pixels, with their medians and scales.
struct SortedRow {
  std::vector<std::vector<float>> samples;
  std::vector<double> middle, scale;
};

SortedRow sort_row(const std::vector<const float*>& frames, std::size_t width) {
  SortedRow row{std::vector<std::vector<float>>(width), std::vector<double>(width),
                std::vector<double>(width)};
  SortedPixels pixels(frames.size());
  for (std::size_t x0 = 0; x0 < width; x0 += SortedPixels::kPixels) {
    const std::size_t n = std::min(width - x0, SortedPixels::kPixels);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      std::copy(frames[f] + x0, frames[f] + x0 + n, pixels.frame(f));
      std::fill(pixels.frame(f) + n, pixels.frame(f) + SortedPixels::kPixels, kNoSample);
    }
    pixels.sort();
    for (std::size_t i = 0; i < n; ++i) {
      std::vector<float>& sorted = row.samples[x0 + i];
      sorted.resize(pixels.count(i));
      for (std::size_t r = 0; r < sorted.size(); ++r) sorted[r] = pixels.at(i, r);
      if (sorted.empty()) continue;
      row.middle[x0 + i] = middle_of(sorted, 0, sorted.size());
      row.scale[x0 + i] = kSdPerMad * deviation_of(sorted, 0, sorted.size(), row.middle[x0 + i]);
    }
  }
  return row;
}

}  // namespace

std::vector<float> master_row(const std::vector<const float*>& frames, int width, double code_step) {
  const auto columns = static_cast<std::size_t>(width);
  const SortedRow row = sort_row(frames, columns);
  std::vector<double> scales;
  for (std::size_t x = 0; x < columns; ++x)
    if (row.samples[x].size() > 1) scales.push_back(row.scale[x]);
  const double least = std::max(median(std::move(scales)), code_step);
  std::vector<float> means(columns, kNoSample);
  for (std::size_t x = 0; x < columns; ++x)
    if (!row.samples[x].empty())
      means[x] = mean_within(frames, x, clip_limits(row.samples[x], row.middle[x], row.scale[x], least));
  return means;
}

std::array<double, 4> flat_levels(const PlaneView<float>& flat, const Plane<float>& subtracted,
                                  const std::string& cfa) {
  std::array<std::vector<double>, 3> samples;  // [colour]
  for (int y = 0; y < flat.height; ++y)
    for (int x = 0; x < flat.width; ++x) {
      const double s = flat.at(x, y) - (subtracted.empty() ? 0.0 : 1.0 * subtracted.at(x, y));
      if (s == s) samples[static_cast<std::size_t>(cfa_colour(cfa, x, y))].push_back(s);
    }
  std::array<double, 3> colours{};
  for (std::size_t c = 0; c < 3; ++c) colours[c] = median(std::move(samples[c]));
  std::array<double, 4> levels{};
  for (int place = 0; place < 4; ++place)
    levels[static_cast<std::size_t>(place)] =
        colours[static_cast<std::size_t>(cfa_colour(cfa, place % 2, place / 2))];
  return levels;
}

void normalise_flat_row(float* row, int y, int width, const Plane<float>& subtracted,
                        const std::array<double, 4>& levels) {
  const float* const level = subtracted.empty() ? nullptr : subtracted.row(y);
  for (int x = 0; x < width; ++x) {
    const double above = row[x] - (level == nullptr ? 0.0 : 1.0 * level[x]);
    row[x] = static_cast<float>(above / levels[static_cast<std::size_t>(2 * (y & 1) + (x & 1))]);
  }
}

void finish_flat(Plane<float>& flat, const std::string& cfa) {
  std::array<double, 3> sum{}, count{};
  for (int y = 0; y < flat.height(); ++y)
    for (int x = 0; x < flat.width(); ++x)
      if (const double s = flat.at(x, y); s == s) {
        const auto colour = static_cast<std::size_t>(cfa_colour(cfa, x, y));
        sum[colour] += s;
        count[colour] += 1;
      }
  for (int y = 0; y < flat.height(); ++y)
    for (int x = 0; x < flat.width(); ++x) {
      const auto colour = static_cast<std::size_t>(cfa_colour(cfa, x, y));
      const auto share = static_cast<float>(flat.at(x, y) / (sum[colour] / count[colour]));
      flat.at(x, y) = share >= kLeastFlat ? share : kNoSample;
    }
}

Plane<float> neighbour_residuals(const Plane<float>& dark, const std::string& cfa, int y0, int rows) {
  const int step = cfa.empty() ? 1 : 2;
  Plane<float> residuals(dark.width(), rows);
  std::vector<float> around;
  for (int y = y0; y < y0 + rows; ++y)
    for (int x = 0; x < dark.width(); ++x) {
      around.clear();
      for (int v = y - 2 * step; v <= y + 2 * step; v += step) {
        if (v < 0 || v >= dark.height()) continue;
        for (int u = x - 2 * step; u <= x + 2 * step; u += step)
          if (u >= 0 && u < dark.width() && dark.at(u, v) == dark.at(u, v)) around.push_back(dark.at(u, v));
      }
      std::sort(around.begin(), around.end());
      const double middle = around.empty() ? 0 : middle_of(around, 0, around.size());
      residuals.at(x, y - y0) = static_cast<float>(dark.at(x, y) - middle);
    }
  return residuals;
}

double defect_limit(const Plane<float>& residuals, double sigma) {
  std::vector<double> sizes;
  for (const float r : residuals.samples())
    if (r == r) sizes.push_back(std::abs(static_cast<double>(r)));
  return sigma * kSdPerMad * median(std::move(sizes));
}

}  // namespace tilecompile
