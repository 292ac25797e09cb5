#include "tilecompile/image/sorted_pixels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tilecompile/image/merge_exchange.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kPixels = SortedPixels::kPixels;

using Row = SortedPixels::Row;

template <int kLanes>
struct Vector;
template <>
struct Vector<4> {
  typedef float Type __attribute__((vector_size(16), may_alias));
};
template <>
struct Vector<8> {
  typedef float Type __attribute__((vector_size(32), may_alias));
};
template <>
struct Vector<16> {
  typedef float Type __attribute__((vector_size(64), may_alias));
};

// Puts the smaller samples into the first row. Equal ones stay where they are.
TILECOMPILE_VECTOR_BODY void order_rows(Row& first, Row& second) {
  using Lanes = typename Vector<kLanes>::Type;
  Lanes* const a = reinterpret_cast<Lanes*>(&first);
  Lanes* const b = reinterpret_cast<Lanes*>(&second);
  for (std::size_t v = 0; v < kPixels / kLanes; ++v) {
    const Lanes low = b[v] < a[v] ? b[v] : a[v];
    b[v] = b[v] < a[v] ? a[v] : b[v];
    a[v] = low;
  }
}

TILECOMPILE_VECTOR_BODY void sort_rows_body(Row* rows, std::size_t n) {
  merge_exchange(
      n, [&](std::size_t i, std::size_t j)
             __attribute__((always_inline)) { order_rows<kLanes>(rows[i], rows[j]); });
}
TILECOMPILE_VECTOR_LEVELS(sort_rows, (Row * rows, std::size_t n), (rows, n))

// Samples that are none go to the end; counts the others.
TILECOMPILE_VECTOR_BODY void set_none_apart_body(Row* rows, std::size_t n, std::int32_t* count) {
  for (std::size_t p = 0; p < kPixels; ++p) count[p] = 0;
  for (std::size_t f = 0; f < n; ++f)
    for (std::size_t p = 0; p < kPixels; ++p) {
      const float s = rows[f].sample[p];
      const bool valid = s == s;
      rows[f].sample[p] = valid ? s : std::numeric_limits<float>::infinity();
      count[p] += valid ? 1 : 0;
    }
}
TILECOMPILE_VECTOR_LEVELS(set_none_apart, (Row * rows, std::size_t n, std::int32_t* count), (rows, n, count))

double mean_of_two(float low, float high) { return 0.5 * (static_cast<double>(low) + high); }

}  // namespace

void SortedPixels::sort() {
  std::array<std::int32_t, kPixels> count;
  set_none_apart(rows_.data(), rows_.size(), count.data());
  std::copy(count.begin(), count.end(), count_.begin());
  sort_rows(rows_.data(), rows_.size());
}

double SortedPixels::median(std::size_t pixel) const {
  const std::size_t n = count_[pixel];
  if (n % 2 == 1) return at(pixel, n / 2);
  return mean_of_two(at(pixel, n / 2 - 1), at(pixel, n / 2));
}

// The deviations grow from the middle to either side. `taken` of them from below and the rest from above are
// the smaller half.
double SortedPixels::absolute_deviation(std::size_t pixel, double middle) const {
  const std::size_t n = count_[pixel], below_count = n / 2, above_count = n - below_count, half = n / 2;
  const auto deviation = [&](std::size_t rank) {
    return static_cast<float>(std::abs(at(pixel, rank) - middle));
  };
  const auto below = [&](std::size_t i) { return deviation(below_count - 1 - i); };
  const auto above = [&](std::size_t i) { return deviation(below_count + i); };
  std::size_t low = half > above_count ? half - above_count : 0, high = std::min(half, below_count);
  while (low < high) {
    const std::size_t taken = (low + high) / 2;
    if (below(taken) < above(half - taken - 1))
      low = taken + 1;
    else
      high = taken;
  }
  const std::size_t taken = low, from_above = half - low;
  constexpr float kNone = std::numeric_limits<float>::infinity();
  const float next = std::min(taken < below_count ? below(taken) : kNone,
                              from_above < above_count ? above(from_above) : kNone);
  if (n % 2 == 1) return next;
  const float last =
      std::max(taken > 0 ? below(taken - 1) : -kNone, from_above > 0 ? above(from_above - 1) : -kNone);
  return mean_of_two(last, next);
}

}  // namespace tilecompile
