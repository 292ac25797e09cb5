#include "tilecompile/frame/zero_borders.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace tilecompile {
namespace {

constexpr int kN = kZeroWindowPx;
constexpr int kBlockRows = 256;  // bounds the memory of the search

bool no_sample(float v) { return v == 0 || v != v; }

float* row_of(const PlaneRows& p, int y) {
  return p.samples + static_cast<std::ptrdiff_t>(y) * static_cast<std::ptrdiff_t>(p.width);
}

// On the bits and without a way out, so that compilers make vector code of it.
bool any_zero(const float* samples, std::size_t n) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < n; ++i)
    found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(samples[i]) & 0x7fffffff) == 0);
  return found != 0;
}

// For every column x of width + n - 1: 1 if no sample lies in columns x - n + 1 .. x of the row.
void mark_runs(const float* row, int width, std::vector<std::uint8_t>& run) {
  int length = kN - 1;  // the columns left of the image
  for (int x = 0; x < width; ++x) {
    length = no_sample(row[x]) ? std::min(length + 1, kN) : 0;
    run[static_cast<std::size_t>(x)] = length == kN;
  }
  for (int x = width; x < width + kN - 1; ++x) {
    length = std::min(length + 1, kN);
    run[static_cast<std::size_t>(x)] = length == kN;
  }
}

// full[t][x]: 1 if the window whose last row and column are t and x holds no sample. Below the image's last
// row follow n - 1 rows without one.
std::vector<std::uint8_t> empty_windows(const PlaneRows& p, std::size_t columns, int last_rows) {
  std::vector<std::uint8_t> full(static_cast<std::size_t>(last_rows) * columns), run(columns, 1);
  std::vector<std::uint8_t> height(columns, p.at_top ? kN - 1 : 0);
  for (int t = 0; t < last_rows; ++t) {
    if (t < p.rows)
      mark_runs(row_of(p, t), p.width, run);
    else
      std::fill(run.begin(), run.end(), std::uint8_t{1});
    std::uint8_t* out = full.data() + static_cast<std::size_t>(t) * columns;
    for (std::size_t x = 0; x < columns; ++x) {
      const auto higher = static_cast<std::uint8_t>(std::min(height[x] + 1, kN));
      height[x] = run[x] ? higher : std::uint8_t{0};
      out[x] = height[x] == kN;
    }
  }
  return full;
}

// Zeros of a row that some empty window covers; reach[x] > 0: one whose last column is x covers the row.
void drop_covered(float* row, int width, const std::vector<std::uint8_t>& reach) {
  int left = 0;
  for (int x = width + kN - 2; x >= 0; --x) {
    left = reach[static_cast<std::size_t>(x)] ? kN : left - 1;
    if (left > 0 && x < width && row[x] == 0) row[x] = std::numeric_limits<float>::quiet_NaN();
  }
}

void drop_in_block(const PlaneRows& p) {
  if (!any_zero(p.samples, static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.rows))) return;
  const auto columns = static_cast<std::size_t>(p.width + kN - 1);
  const int last_rows = p.rows + (p.at_bottom ? kN - 1 : 0);
  const std::vector<std::uint8_t> full = empty_windows(p, columns, last_rows);
  std::vector<std::uint8_t> reach(columns);
  for (int t = last_rows - 1; t >= 0; --t) {
    const std::uint8_t* ends = full.data() + static_cast<std::size_t>(t) * columns;
    std::uint8_t any = 0;
    for (std::size_t x = 0; x < columns; ++x) {
      const auto lower = static_cast<std::uint8_t>(reach[x] - (reach[x] > 0));
      any |= reach[x] = ends[x] ? std::uint8_t{kN} : lower;
    }
    if (any && t < p.rows) drop_covered(row_of(p, t), p.width, reach);
  }
}

// Whether the row takes part in a window without a sample, as far as it alone can tell.
bool has_run(const float* row, int width) {
  std::vector<std::uint8_t> run(static_cast<std::size_t>(width + kN - 1));
  mark_runs(row, width, run);
  return std::find(run.begin(), run.end(), std::uint8_t{1}) != run.end();
}

}  // namespace

void drop_zero_borders(const PlaneRows& p) {
  // A block sees the rows that its windows reach. What earlier blocks dropped counts as zero in later ones.
  for (int y0 = 0; y0 < p.rows; y0 += kBlockRows) {
    const int first = std::max(0, y0 - (kN - 1)), end = std::min(p.rows, y0 + kBlockRows + kN - 1);
    drop_in_block(
        {row_of(p, first), p.width, end - first, p.at_top && first == 0, p.at_bottom && end == p.rows});
  }
}

ZeroDoubt doubtful_zeros(const PlaneRows& p) {
  const int rim = std::min(p.rows, kN - 1);
  if (rim == 0) return {};
  const std::size_t samples = static_cast<std::size_t>(rim) * static_cast<std::size_t>(p.width);
  return {
      !p.at_top && any_zero(p.samples, samples) && has_run(p.samples, p.width),
      !p.at_bottom && any_zero(row_of(p, p.rows - rim), samples) && has_run(row_of(p, p.rows - 1), p.width)};
}

}  // namespace tilecompile
