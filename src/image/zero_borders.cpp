#include "tilecompile/image/zero_borders.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tilecompile/image/packed_samples.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kN = kZeroWindowPx;
constexpr int kBlockRows = 128;  // few, since one row of zeros makes the search look at all columns

template <class Sample>
Sample* row_of(const RowsOf<Sample>& p, int y) {
  return p.samples + static_cast<std::ptrdiff_t>(y) * static_cast<std::ptrdiff_t>(p.width);
}

/// Some columns of some rows.
template <class Sample>
struct Block {
  Sample* samples;
  std::ptrdiff_t stride;
  int width, rows;
  bool at_top, at_bottom;
  Sample* row(int y) const { return samples + y * stride; }
};

// On the bits, without a way out and without NaN, so that compilers make vector code of the loops.
std::uint32_t magnitude(float v) { return std::bit_cast<std::uint32_t>(v) & 0x7fffffff; }
bool is_zero(float v) { return magnitude(v) == 0; }
bool is_none(float v) { return magnitude(v) > 0x7f800000; }
bool is_zero(std::uint16_t v) { return v == 0; }
bool is_none(std::uint16_t v) { return v == kNoSample; }

void drop_if(bool drop, float& v) {
  constexpr std::uint32_t kNan = std::bit_cast<std::uint32_t>(std::numeric_limits<float>::quiet_NaN());
  v = std::bit_cast<float>(drop ? kNan : std::bit_cast<std::uint32_t>(v));
}
void drop_if(bool drop, std::uint16_t& v) { v = drop ? kNoSample : v; }

template <class Sample>
[[gnu::always_inline]] inline bool any_zero(const Sample* samples, std::size_t n) {
  std::uint32_t found = 0;
  for (std::size_t i = 0; i < n; ++i) found |= static_cast<std::uint32_t>(is_zero(samples[i]));
  return found != 0;
}

// Bytes that stand for columns: 255 or 0.
using Marks = std::vector<std::uint8_t>;

// Marks column x if all (or any) of kN columns from x on are marked; the last kN - 1 are left as they are
// half way. By doubling and from one buffer to the other, since such loops over bytes become vector code.
template <class Join>
[[gnu::always_inline]] inline void join_ahead(Marks& marks, Marks& spare, const Join& join) {
  const std::size_t n = marks.size();
  spare.resize(n);
  for (std::size_t reach = 1; reach < kN; reach *= 2) {
    const std::uint8_t* __restrict from = marks.data();
    std::uint8_t* __restrict to = spare.data();
    for (std::size_t x = 0; x < n - reach; ++x) to[x] = join(from[x], from[x + reach]);
    std::copy(from + n - reach, from + n, to + n - reach);
    marks.swap(spare);
  }
}
static_assert((kN & (kN - 1)) == 0);

// For every column x of width + kN - 1: marked if no sample lies in columns x - kN + 1 .. x of the row.
// Columns beside the image have none.
template <class Sample>
[[gnu::always_inline]] inline void mark_runs(const Sample* row, int width, Marks& run, Marks& spare) {
  const auto columns = static_cast<std::size_t>(width);
  run.assign(columns + 2 * (kN - 1), 255);
  std::uint8_t* __restrict inside = run.data() + kN - 1;
  for (std::size_t x = 0; x < columns; ++x)
    inside[x] = static_cast<std::uint8_t>(is_zero(row[x]) || is_none(row[x]) ? 255 : 0);
  join_ahead(run, spare, [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a & b); });
  run.resize(columns + kN - 1);
}

// full[t][x]: marked if the window whose last row and column are t and x holds no sample. Below the image's
// last row follow kN - 1 rows without one.
template <class Sample>
[[gnu::always_inline]] inline Marks empty_windows(const Block<Sample>& p, std::size_t columns,
                                                  int last_rows) {
  Marks full(static_cast<std::size_t>(last_rows) * columns), run, spare;
  Marks height(columns, p.at_top ? kN - 1 : 0);
  for (int t = 0; t < last_rows; ++t) {
    if (t < p.rows)
      mark_runs(p.row(t), p.width, run, spare);
    else
      run.assign(columns, 255);
    std::uint8_t* __restrict out = full.data() + static_cast<std::size_t>(t) * columns;
    std::uint8_t* __restrict h = height.data();
    const std::uint8_t* __restrict r = run.data();
    for (std::size_t x = 0; x < columns; ++x) {
      const auto higher = static_cast<std::uint8_t>(h[x] < kN ? h[x] + 1 : kN);
      h[x] = higher & r[x];
      out[x] = h[x] == kN ? 255 : 0;
    }
  }
  return full;
}

// Zeros of a row that some empty window covers; reach[x] > 0: one whose last column is x covers the row.
template <class Sample>
[[gnu::always_inline]] inline void drop_covered(Sample* __restrict row, int width, const Marks& reach,
                                                Marks& covered, Marks& spare) {
  const std::size_t columns = reach.size();
  covered.resize(columns);
  {
    const std::uint8_t* __restrict from = reach.data();
    std::uint8_t* __restrict to = covered.data();
    for (std::size_t x = 0; x < columns; ++x) to[x] = static_cast<std::uint8_t>(from[x] != 0 ? 255 : 0);
  }
  join_ahead(covered, spare, [](std::uint8_t a, std::uint8_t b) { return static_cast<std::uint8_t>(a | b); });
  const std::uint8_t* __restrict c = covered.data();
  for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x)
    drop_if(is_zero(row[x]) & (c[x] != 0), row[x]);
}

template <int kLanes, class Sample>
[[gnu::always_inline]] inline void drop_in_block_body(const Block<Sample>& p) {
  const auto columns = static_cast<std::size_t>(p.width + kN - 1);
  const int last_rows = p.rows + (p.at_bottom ? kN - 1 : 0);
  const Marks full = empty_windows(p, columns, last_rows);
  Marks reach(columns), covered, spare;
  for (int t = last_rows - 1; t >= 0; --t) {
    const std::uint8_t* __restrict ends = full.data() + static_cast<std::size_t>(t) * columns;
    std::uint8_t* __restrict r = reach.data();
    std::uint8_t any = 0;
    for (std::size_t x = 0; x < columns; ++x) {
      const auto lower = static_cast<std::uint8_t>(r[x] - (r[x] > 0 ? 1 : 0));
      r[x] = ends[x] != 0 ? std::uint8_t{kN} : lower;
      any |= r[x];
    }
    if (any != 0 && t < p.rows) drop_covered(p.row(t), p.width, reach, covered, spare);
  }
}

TILECOMPILE_VECTOR_LEVELS(drop_in_block, (const Block<float>& p), (p))
TILECOMPILE_VECTOR_LEVELS(drop_in_block, (const Block<std::uint16_t>& p), (p))

// Marks the columns in which some row has no sample, zero or NaN. Bit 0 of `zero`: some sample is zero.
template <int kLanes, class Sample>
[[gnu::always_inline]] inline void mark_columns_body(const Block<Sample>& p, std::uint16_t* __restrict marks,
                                                     std::uint16_t& zero) {
  std::uint16_t found = 0;
  for (int y = 0; y < p.rows; ++y) {
    const Sample* const row = p.row(y);
    for (int x = 0; x < p.width; ++x) {
      const auto empty = static_cast<std::uint16_t>(is_zero(row[x]));
      marks[x] |= static_cast<std::uint16_t>(empty | static_cast<std::uint16_t>(is_none(row[x])));
      found |= empty;
    }
  }
  zero = found;
}
TILECOMPILE_VECTOR_LEVELS(mark_columns, (const Block<float>& p, std::uint16_t* marks, std::uint16_t& zero),
                          (p, marks, zero))
TILECOMPILE_VECTOR_LEVELS(mark_columns,
                          (const Block<std::uint16_t>& p, std::uint16_t* marks, std::uint16_t& zero),
                          (p, marks, zero))

// No window without a sample reaches over a column that has one in every row. So only runs of other columns
// are searched that are as wide as a window or end where the image ends, each with such a column beside it.
template <class Sample>
void drop_in_columns(const Block<Sample>& p) {
  std::vector<std::uint16_t> marks(static_cast<std::size_t>(p.width));
  std::uint16_t zero = 0;
  mark_columns(p, marks.data(), zero);
  if (zero == 0) return;
  for (int x = 0, end = 0; x < p.width; x = end + 1) {
    for (end = x; end < p.width && marks[static_cast<std::size_t>(end)] != 0;) ++end;
    if (end == x || (end - x < kN && x > 0 && end < p.width)) continue;
    const int first = std::max(0, x - 1), last = std::min(p.width, end + 1);
    drop_in_block(Block<Sample>{p.samples + first, p.stride, last - first, p.rows, p.at_top, p.at_bottom});
  }
}

// Whether the row takes part in a window without a sample, as far as it alone can tell.
template <class Sample>
bool has_run(const Sample* row, int width) {
  Marks run, spare;
  mark_runs(row, width, run, spare);
  return std::find(run.begin(), run.end(), std::uint8_t{255}) != run.end();
}

TILECOMPILE_VECTOR_BODY void look_for_zero_body(const float* samples, std::size_t n, bool& found) {
  found = any_zero(samples, n);
}
TILECOMPILE_VECTOR_LEVELS(look_for_zero, (const float* samples, std::size_t n, bool& found),
                          (samples, n, found))

}  // namespace

bool has_zero(const float* samples, std::size_t n) {
  bool found = false;
  look_for_zero(samples, n, found);
  return found;
}

namespace {

template <class Sample>
void drop_borders(const RowsOf<Sample>& p) {
  // A block sees the rows that its windows reach. What earlier blocks dropped counts as zero in later ones.
  for (int y0 = 0; y0 < p.rows; y0 += kBlockRows) {
    const int first = std::max(0, y0 - (kN - 1)), end = std::min(p.rows, y0 + kBlockRows + kN - 1);
    drop_in_columns(Block<Sample>{row_of(p, first), p.width, p.width, end - first, p.at_top && first == 0,
                                  p.at_bottom && end == p.rows});
  }
}

template <class Sample>
ZeroDoubt find_doubt(const RowsOf<Sample>& p) {
  const int rim = std::min(p.rows, kN - 1);
  if (rim == 0) return {};
  const std::size_t samples = static_cast<std::size_t>(rim) * static_cast<std::size_t>(p.width);
  return {
      !p.at_top && any_zero(p.samples, samples) && has_run(p.samples, p.width),
      !p.at_bottom && any_zero(row_of(p, p.rows - rim), samples) && has_run(row_of(p, p.rows - 1), p.width)};
}

}  // namespace

void drop_zero_borders(const PlaneRows& p) { drop_borders(p); }
void drop_zero_borders(const CodeRows& p) { drop_borders(p); }
ZeroDoubt doubtful_zeros(const PlaneRows& p) { return find_doubt(p); }
ZeroDoubt doubtful_zeros(const CodeRows& p) { return find_doubt(p); }

}  // namespace tilecompile
