#include "tilecompile/image/median.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tilecompile/image/sample_vectors.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kZFloor = 1e-6;

// Numbers in the order of the floats.
std::int32_t signed_key(float v) {
  const auto bits = std::bit_cast<std::int32_t>(v);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
float value_of_signed_key(std::int32_t key) { return std::bit_cast<float>(key ^ ((key >> 31) & 0x7fffffff)); }

/// The value with `rank` smaller ones or more before it, and the next one.
struct Neighbours {
  std::int32_t key, next;
};

TILECOMPILE_VECTOR_BODY void find_rank_body(const std::int32_t* keys, std::int32_t n, std::int32_t rank,
                                            Neighbours& found) {
  std::int32_t low = keys[0], high = keys[0];
  for (std::int32_t i = 0; i < n; ++i) {
    low = keys[i] < low ? keys[i] : low;
    high = keys[i] > high ? keys[i] : high;
  }
  const std::int32_t highest = high;
  std::int32_t upto = n;  // values up to `high`
  while (low < high) {
    const auto middle = static_cast<std::int32_t>(low + (std::int64_t{high} - low) / 2);
    std::int32_t count = 0;
    for (std::int32_t i = 0; i < n; ++i) count += keys[i] <= middle ? 1 : 0;
    if (count > rank) {
      high = middle;
      upto = count;
    } else {
      low = middle + 1;
    }
  }
  std::int32_t next = highest;
  for (std::int32_t i = 0; i < n; ++i) next = keys[i] > high && keys[i] < next ? keys[i] : next;
  found = {high, upto > rank + 1 ? high : next};
}
TILECOMPILE_VECTOR_LEVELS(find_rank,
                          (const std::int32_t* keys, std::int32_t n, std::int32_t rank, Neighbours& found),
                          (keys, n, rank, found))

/// Values from `low` on and below `high` (NaN: all above) are those of the ranks below .. upto - 1.
struct Bracket {
  double low = -INFINITY, high = NAN;
  std::size_t below = 0, upto = 0;
  double least = 0, most = 0;  ///< of these values
  bool parted = false;         ///< the ranks lie on either side of `low`: `most` below it, `least` above
  std::size_t size() const { return upto - below; }
};

// Counts and extremes of values, some vectors of kCount at a time, each with its own.
template <int kCount>
struct BracketScan {
  static constexpr int kVectors = 16 / kCount;
  static constexpr std::size_t kAtOnce = 16;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  using Masks = typename SampleVectors<kCount>::Masks;

  [[gnu::always_inline]] static std::size_t count_below(const double* values, std::size_t n, double limit) {
    Masks counts[kVectors] = {};
    std::size_t i = 0;
    for (; i + kAtOnce <= n; i += kAtOnce)
      for (int k = 0; k < kVectors; ++k) {
        Doubles v;
        std::memcpy(&v, values + i + static_cast<std::size_t>(k * kCount), sizeof v);
        counts[k] -= v < limit;
      }
    std::int64_t each[kAtOnce], count = 0;
    std::memcpy(each, counts, sizeof each);
    for (const std::int64_t c : each) count += c;
    for (; i < n; ++i) count += values[i] < limit ? 1 : 0;
    return static_cast<std::size_t>(count);
  }

  // The least value from `from` on and the highest below `upto`; NaN: no such border.
  [[gnu::always_inline]] static void find_extremes(const double* values, std::size_t n, double from,
                                                   double upto, double& least, double& most) {
    Doubles low[kVectors], high[kVectors];
    for (int k = 0; k < kVectors; ++k) {
      low[k] = Doubles{} + INFINITY;
      high[k] = Doubles{} - INFINITY;
    }
    std::size_t i = 0;
    for (; i + kAtOnce <= n; i += kAtOnce)
      for (int k = 0; k < kVectors; ++k) {
        Doubles v;
        std::memcpy(&v, values + i + static_cast<std::size_t>(k * kCount), sizeof v);
        low[k] = ~(v < from) & (v < low[k]) ? v : low[k];
        high[k] = ~(v >= upto) & (v > high[k]) ? v : high[k];
      }
    double lows[kAtOnce], highs[kAtOnce];
    std::memcpy(lows, low, sizeof lows);
    std::memcpy(highs, high, sizeof highs);
    for (; i < n; ++i) {
      if (!(values[i] < from) && values[i] < lows[0]) lows[0] = values[i];
      if (!(values[i] >= upto) && values[i] > highs[0]) highs[0] = values[i];
    }
    least = *std::min_element(lows, lows + kAtOnce);
    most = *std::max_element(highs, highs + kAtOnce);
  }
};

// A bracket of two values or, where many are equal, more, that holds the ranks first and last (from 0): found
// by counting, which vector units do at the speed of memory, where a partition goes value by value.
TILECOMPILE_VECTOR_BODY void narrow_bracket_body(const double* values, std::size_t n, std::size_t first,
                                                 std::size_t last, double (&guess)[2], Bracket& b) {
  using Scan = BracketScan<kDoublesAVector<kLanes>>;
  constexpr int kMostTurns = 60;
  b.upto = n;
  b.least = -INFINITY;
  b.most = INFINITY;
  for (int turn = -2; turn < kMostTurns && b.size() > 2; ++turn) {
    if (turn == 0 && !std::isfinite(b.high - b.low)) {  // the guesses were no borders
      Scan::find_extremes(values, n, b.low, b.high, b.least, b.most);
      if (b.least == b.most) return;
      if (!std::isfinite(b.most - b.least)) break;
      b.low = b.least;
    }
    const double top = b.high == b.high ? b.high : b.most;
    const double limit = turn < 0 ? guess[turn + 2] : b.low + (top - b.low) / 2;
    if (!(limit > b.low) || limit >= b.high) {
      if (turn < 0) continue;
      break;
    }
    const std::size_t below = Scan::count_below(values, n, limit);
    if (below == b.below || below == b.upto) {  // of codes many are equal
      Scan::find_extremes(values, n, b.low, b.high, b.least, b.most);
      if (b.least == b.most) return;
    }
    if (below > first && below <= last) {
      b.parted = true;
      b.low = limit;
      break;
    }
    (below <= first ? b.low : b.high) = limit;
    (below <= first ? b.below : b.upto) = below;
  }
  Scan::find_extremes(values, n, b.low, b.parted ? b.low : b.high, b.least, b.most);
}
TILECOMPILE_VECTOR_LEVELS(narrow_bracket,
                          (const double* values, std::size_t n, std::size_t first, std::size_t last,
                           double (&guess)[2], Bracket& b),
                          (values, n, first, last, guess, b))

// The values of rank first <= last <= first + 1 (from 0). No NaN.
std::pair<double, double> select(std::vector<double>& values, std::size_t first, std::size_t last) {
  constexpr std::size_t kFew = 64, kSample = 9, kMargin = 2;
  std::size_t n = values.size();
  if (n > kFew) {
    std::array<double, kSample> sample;
    for (std::size_t i = 0; i < kSample; ++i) sample[i] = values[(2 * i + 1) * n / (2 * kSample)];
    std::sort(sample.begin(), sample.end());
    const std::size_t middle = first * kSample / n;
    double guess[2] = {sample[middle > kMargin ? middle - kMargin : 0],
                       sample[std::min(middle + kMargin, kSample - 1)]};
    Bracket b;
    narrow_bracket(values.data(), n, first, last, guess, b);
    if (b.parted) return {b.most, b.least};
    if (b.size() <= 2 || b.least == b.most)
      return {first == b.below ? b.least : b.most, last == b.below ? b.least : b.most};
    n = 0;
    for (const double v : values) {
      values[n] = v;
      n += ((v >= b.low) & !(v >= b.high)) ? 1 : 0;
    }
    first -= b.below;
    last -= b.below;
  }
  const auto begin = values.begin(), at = begin + static_cast<std::ptrdiff_t>(last);
  std::nth_element(begin, at, begin + static_cast<std::ptrdiff_t>(n));
  return {first == last ? *at : *std::max_element(begin, at), *at};
}

}  // namespace

double median_in_place(std::vector<double>& values) {
  const std::size_t n = values.size();
  if (n == 0) return 0;
  const auto [lower, upper] = select(values, (n - 1) / 2, n / 2);
  return n % 2 == 1 ? upper : (lower + upper) / 2;
}

double value_of_rank(std::vector<double>& values, std::size_t k) { return select(values, k, k).first; }

double median(std::vector<double> values) { return median_in_place(values); }

double median_of_few(const std::vector<float>& values) {
  const std::size_t n = values.size();
  if (n == 0) return 0;
  thread_local std::vector<std::int32_t> keys;
  keys.resize(n);
  std::transform(values.begin(), values.end(), keys.begin(), signed_key);
  Neighbours found{};
  find_rank(keys.data(), static_cast<std::int32_t>(n), static_cast<std::int32_t>((n - 1) / 2), found);
  const double lower = value_of_signed_key(found.key);
  return n % 2 == 1 ? lower : 0.5 * (lower + value_of_signed_key(found.next));
}

double robust_sd(const std::vector<double>& values) {
  const double m = median(values);
  std::vector<double> distance(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) distance[i] = std::abs(values[i] - m);
  return kSdOfMad * median_in_place(distance);
}

std::vector<double> z_scores(const std::vector<double>& values) {
  const double m = median(values);
  const double sd = std::max(robust_sd(values), kZFloor);
  std::vector<double> z(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) z[i] = (values[i] - m) / sd;
  return z;
}

}  // namespace tilecompile
