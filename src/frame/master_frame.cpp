#include "tilecompile/frame/master_frame.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/sorted_pixels.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kMasterKappa = 3, kSdPerMad = 1.4826, kLeastKeptShare = 0.5;
constexpr int kMasterRounds = 3;
constexpr std::size_t kMasterChunk = 64;
constexpr float kNoSample = std::numeric_limits<float>::quiet_NaN();

double middle_of(const float* sorted, std::size_t begin, std::size_t end) {
  const std::size_t n = end - begin, at = begin + n / 2;
  return n % 2 == 1 ? sorted[at] : 0.5 * (static_cast<double>(sorted[at - 1]) + sorted[at]);
}

// Median of |x - middle| over sorted[begin .. end): the two sides are merged from the middle outwards.
double deviation_of(const float* sorted, std::size_t begin, std::size_t end, double middle) {
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
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
};

/// What is kept of one pixel's n sorted samples.
Limits clip_limits(const float* sorted, std::size_t n, double middle, double scale, double least_scale) {
  Limits limits;
  if (n == 0) return limits;
  std::size_t begin = 0, end = n;
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
  if (static_cast<double>(end - begin) < kLeastKeptShare * static_cast<double>(n)) return {};
  limits.low = sorted[begin];
  limits.high = sorted[end - 1];
  return limits;
}

// Adds the samples of one frame that are kept, which NaN is not, to those of its chunk.
TILECOMPILE_VECTOR_BODY void add_kept_body(const float* __restrict samples, const float* __restrict low,
                                           const float* __restrict high, int n, double* __restrict part,
                                           float* __restrict count) {
  for (int x = 0; x < n; ++x) {
    const float s = samples[x];
    const bool kept = (s >= low[x]) & (s <= high[x]);
    part[x] += static_cast<double>(kept ? s : 0.0F);
    count[x] += kept ? 1.0F : 0.0F;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_kept,
                          (const float* samples, const float* low, const float* high, int n, double* part,
                           float* count),
                          (samples, low, high, n, part, count))

/// The sorted samples of a row's pixels, `stride` apart, with their numbers, medians and scales.
struct SortedRow {
  std::size_t stride;
  std::vector<float> samples;
  std::vector<std::size_t> count;
  std::vector<double> middle, scale;
  const float* of(std::size_t x) const { return samples.data() + x * stride; }
};

SortedRow sort_row(const std::vector<const float*>& frames, std::size_t width) {
  SortedRow row{frames.size(), std::vector<float>(width * frames.size()), std::vector<std::size_t>(width),
                std::vector<double>(width), std::vector<double>(width)};
  SortedPixels pixels(frames.size());
  for (std::size_t x0 = 0; x0 < width; x0 += SortedPixels::kPixels) {
    const std::size_t n = std::min(width - x0, SortedPixels::kPixels);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      std::copy(frames[f] + x0, frames[f] + x0 + n, pixels.frame(f));
      std::fill(pixels.frame(f) + n, pixels.frame(f) + SortedPixels::kPixels, kNoSample);
    }
    pixels.sort();
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t count = row.count[x0 + i] = pixels.count(i);
      if (count == 0) continue;
      float* const sorted = row.samples.data() + (x0 + i) * row.stride;
      for (std::size_t r = 0; r < count; ++r) sorted[r] = pixels.at(i, r);
      row.middle[x0 + i] = middle_of(sorted, 0, count);
      row.scale[x0 + i] = kSdPerMad * deviation_of(sorted, 0, count, row.middle[x0 + i]);
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
    if (row.count[x] > 1) scales.push_back(row.scale[x]);
  const double least = std::max(median(std::move(scales)), code_step);
  std::vector<float> low(columns), high(columns), count(columns);
  for (std::size_t x = 0; x < columns; ++x) {
    const Limits limits = clip_limits(row.of(x), row.count[x], row.middle[x], row.scale[x], least);
    low[x] = limits.low;
    high[x] = limits.high;
  }
  std::vector<double> sum(columns), part(columns);
  for (std::size_t first = 0; first < frames.size(); first += kMasterChunk) {
    std::fill(part.begin(), part.end(), 0.0);
    for (std::size_t f = first; f < std::min(frames.size(), first + kMasterChunk); ++f)
      add_kept(frames[f], low.data(), high.data(), width, part.data(), count.data());
    for (std::size_t x = 0; x < columns; ++x) sum[x] += part[x];
  }
  std::vector<float> means(columns, kNoSample);
  for (std::size_t x = 0; x < columns; ++x)
    if (count[x] > 0) means[x] = static_cast<float>(sum[x] / count[x]);
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
  constexpr int kAcross = 5, kPixels = SortedPixels::kPixels;
  const int step = cfa.empty() ? 1 : 2, width = dark.width();
  Plane<float> residuals(width, rows);
  SortedPixels around(kAcross * kAcross);
  for (int y = y0; y < y0 + rows; ++y)
    for (int x0 = 0; x0 < width; x0 += kPixels) {
      const int n = std::min(kPixels, width - x0);
      for (int k = 0; k < kAcross * kAcross; ++k) {
        float* const samples = around.frame(static_cast<std::size_t>(k));
        std::fill_n(samples, kPixels, kNoSample);
        const int v = y + (k / kAcross - 2) * step, shift = (k % kAcross - 2) * step;
        if (v < 0 || v >= dark.height()) continue;
        const int first = std::max(0, -(x0 + shift)), end = std::min(n, width - x0 - shift);
        if (first < end) std::copy_n(dark.row(v) + x0 + shift + first, end - first, samples + first);
      }
      around.sort();
      for (int i = 0; i < n; ++i) {
        const auto pixel = static_cast<std::size_t>(i);
        const double middle = around.count(pixel) == 0 ? 0 : around.median(pixel);
        residuals.at(x0 + i, y - y0) = static_cast<float>(dark.at(x0 + i, y) - middle);
      }
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
