#include "tilecompile/image/order_statistics.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kClipSigma = 3.0;
constexpr int kClipRounds = 10;
constexpr double kClippedSdShare = 0.98658;  // share of the standard deviation that a cut at 3 sigma leaves
constexpr int kDigitBits = 11;

// Order-preserving map of floats to unsigned numbers.
[[gnu::always_inline]] inline std::uint32_t sort_key(float v) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v == 0 ? 0.0f : v);
  return bits ^ ((0 - (bits >> 31)) | 0x80000000u);
}
TILECOMPILE_VECTOR_BODY void find_keys_body(const float* samples, std::size_t n,
                                            std::uint32_t* __restrict keys) {
  for (std::size_t i = 0; i < n; ++i) keys[i] = sort_key(samples[i]);
}
TILECOMPILE_VECTOR_LEVELS(find_keys, (const float* samples, std::size_t n, std::uint32_t* keys),
                          (samples, n, keys))
float value_of_key(std::uint32_t key) {
  return std::bit_cast<float>((key & 0x80000000u) != 0 ? key ^ 0x80000000u : ~key);
}

// Least-significant-digit radix sort; a digit that all keys share costs one look.
void radix_sort(std::vector<std::uint32_t>& keys, std::vector<std::uint32_t>& spare) {
  constexpr std::uint32_t kMask = (1u << kDigitBits) - 1;
  spare.resize(keys.size());
  std::array<std::array<std::uint32_t, 1u << kDigitBits>, 3> counts{};
  for (std::uint32_t key : keys)
    for (std::size_t d = 0; d < 3; ++d) ++counts[d][(key >> (kDigitBits * d)) & kMask];
  for (std::size_t d = 0; d < 3; ++d) {
    auto& count = counts[d];
    if (count[(keys.front() >> (kDigitBits * d)) & kMask] == keys.size()) continue;
    std::uint32_t start = 0;
    for (std::uint32_t& c : count) start += std::exchange(c, start);
    for (std::uint32_t key : keys) spare[count[(key >> (kDigitBits * d)) & kMask]++] = key;
    keys.swap(spare);
  }
}

/// Smallest and largest of the samples that are not NaN, how many those are, and whether all of them are
/// whole numbers (not asked of more than 2^22).
struct Range {
  float low = std::numeric_limits<float>::infinity(), high = -std::numeric_limits<float>::infinity();
  std::uint64_t count = 0, whole = 0;
};

TILECOMPILE_VECTOR_BODY void widen_range_body(const float* row, std::size_t width, Range& range) {
  constexpr std::size_t kAtOnce = 16;     // each with its own extremes, so that they fit a vector
  constexpr float kNoFraction = 3 << 22;  // a sum with it is rounded to a whole number
  float low[kAtOnce], high[kAtOnce];
  std::fill(low, low + kAtOnce, range.low);
  std::fill(high, high + kAtOnce, range.high);
  std::uint32_t valid[kAtOnce] = {}, whole[kAtOnce] = {};
  std::size_t x = 0;
  for (; x + kAtOnce <= width; x += kAtOnce)
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      const float v = row[x + i];
      low[i] = v < low[i] ? v : low[i];
      high[i] = v > high[i] ? v : high[i];
      valid[i] += v == v ? 1 : 0;
      whole[i] += (v + kNoFraction) - kNoFraction == v ? 1 : 0;
    }
  for (; x < width; ++x) {
    low[0] = row[x] < low[0] ? row[x] : low[0];
    high[0] = row[x] > high[0] ? row[x] : high[0];
    valid[0] += row[x] == row[x] ? 1 : 0;
    whole[0] += (row[x] + kNoFraction) - kNoFraction == row[x] ? 1 : 0;
  }
  range.low = *std::min_element(low, low + kAtOnce);
  range.high = *std::max_element(high, high + kAtOnce);
  for (const std::uint32_t n : valid) range.count += n;
  for (const std::uint32_t n : whole) range.whole += n;
}
TILECOMPILE_VECTOR_LEVELS(widen_range, (const float* row, std::size_t width, Range& range),
                          (row, width, range))

Range range_of(const PlaneView<float>& plane) {
  constexpr int kLine = 16;  // floats of a line of the cache
  Range range;
  for (int y = 0; y < plane.height; ++y) {
    // Behind a row of a SampleBlock lies the same row of the next frame, which is looked at next; of other
    // planes this asks for what comes anyway.
    for (int x = 0; x < plane.width; x += kLine) __builtin_prefetch(plane.row(y) + plane.width + x);
    widen_range(plane.row(y), static_cast<std::size_t>(plane.width), range);
  }
  return range;
}

/// How the codes of samples become numbers of bins; NaN goes to the last bin.
struct CodeBins {
  double lowest, per_code;
  std::int32_t last;
};

TILECOMPILE_VECTOR_BODY void find_bins_body(const float* __restrict samples, std::size_t n,
                                            const CodeBins& bins, std::int32_t* __restrict bin) {
  const double lowest = bins.lowest, per_code = bins.per_code, last = bins.last;
  for (std::size_t i = 0; i < n; ++i) {
    const double at = (samples[i] - lowest) * per_code + 0.5;
    bin[i] = static_cast<std::int32_t>(at == at ? at : last);  // NaN only of a sample that is
  }
}
TILECOMPILE_VECTOR_LEVELS(find_bins,
                          (const float* samples, std::size_t n, const CodeBins& bins, std::int32_t* bin),
                          (samples, n, bins, bin))

// The same for whole numbers one apart, of which float32 has every difference.
TILECOMPILE_VECTOR_BODY void find_whole_bins_body(const float* __restrict samples, std::size_t n,
                                                  const CodeBins& bins, std::int32_t* __restrict bin) {
  const auto lowest = static_cast<float>(bins.lowest), last = static_cast<float>(bins.last);
  for (std::size_t i = 0; i < n; ++i) {
    const float at = samples[i] - lowest;
    bin[i] = static_cast<std::int32_t>(at == at ? at : last);
  }
}
TILECOMPILE_VECTOR_LEVELS(find_whole_bins,
                          (const float* samples, std::size_t n, const CodeBins& bins, std::int32_t* bin),
                          (samples, n, bins, bin))

constexpr float kLargestWhole = 1 << 20;  // sums of some of them are exact in float32 too
constexpr std::size_t kBinsAtOnce = 8;    // of which most are empty beyond the sky

template <class T>
void grow(std::vector<T>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace

void Distribution::assign(const PlaneView<float>& plane, double code_step) {
  const Range range = range_of(plane);
  distinct_ = 0;
  whole_ = range.whole == range.count && std::max(-range.low, range.high) <= kLargestWhole;
  if (range.count == 0) return;
  if (code_step > 0 && std::isfinite(1 / code_step)) {
    // Bins take 20 bytes, as samples do that are sorted: of many samples not more than those, or than 16 bits
    // have.
    const auto samples = static_cast<double>(range.count);
    const double most = std::min(8 * samples, std::max(65538.0, samples));
    const double bins = (static_cast<double>(range.high) - range.low) / code_step + 2;
    if (bins <= std::min(most, 1e9))
      return fill_by_counting(plane, range.low, code_step, static_cast<std::size_t>(bins));
  }
  fill_by_sorting(plane, range.count);
}

void Distribution::count_codes(const PlaneView<float>& plane, float lowest, double code_step,
                               std::size_t bins, bool values_known) {
  const CodeBins of{lowest, 1.0 / code_step, static_cast<std::int32_t>(bins)};
  constexpr std::size_t kAtOnce = 256;
  std::int32_t bin[kAtOnce];
  const auto width = static_cast<std::size_t>(plane.width);
  for (int y = 0; y < plane.height; ++y)
    for (std::size_t x = 0; x < width; x += kAtOnce) {
      const float* const samples = plane.row(y) + x;
      const std::size_t n = std::min(kAtOnce, width - x);
      if (values_known) {
        find_whole_bins(samples, n, of, bin);
        for (std::size_t i = 0; i < n; ++i) ++bins_[static_cast<std::size_t>(bin[i])];
        continue;
      }
      find_bins(samples, n, of, bin);
      for (std::size_t i = 0; i < n; ++i) {
        const auto b = static_cast<std::size_t>(bin[i]);
        ++bins_[b];
        keys_[b] = std::bit_cast<std::uint32_t>(samples[i]);
      }
    }
}

void Distribution::fill_by_counting(const PlaneView<float>& plane, float lowest, double code_step,
                                    std::size_t bins) {
  // Codes are code_step apart and rounded to float32 alike, so equal bins hold equal values.
  const std::size_t all = (bins + kBinsAtOnce) / kBinsAtOnce * kBinsAtOnce;
  bins_.assign(all, 0);
  const bool values_known = whole_ && code_step == 1;  // of the bins, by their numbers
  if (!values_known) grow(keys_, all);
  grow(value_, all);
  grow(below_, all + 1);
  count_codes(plane, lowest, code_step, bins, values_known);
  bins_[bins] = 0;  // of NaN
  std::uint64_t below = 0;
  std::size_t distinct = 0;
  for (std::size_t b = 0; b < bins; b += kBinsAtOnce) {
    std::uint32_t any = 0;
    for (std::size_t i = b; i < b + kBinsAtOnce; ++i) any |= bins_[i];
    if (any == 0) continue;
    for (std::size_t i = b; i < b + kBinsAtOnce; ++i) {  // what an empty bin left is written over
      value_[distinct] = values_known ? lowest + static_cast<float>(i) : std::bit_cast<float>(keys_[i]);
      below_[distinct] = below;
      below += bins_[i];
      distinct += bins_[i] != 0 ? 1 : 0;
    }
  }
  below_[distinct] = below;
  distinct_ = distinct;
}

void Distribution::fill_by_sorting(const PlaneView<float>& plane, std::size_t count) {
  const auto width = static_cast<std::size_t>(plane.width);
  const bool all = count == width * static_cast<std::size_t>(plane.height);
  keys_.resize(count);
  std::size_t n = 0;
  for (int y = 0; y < plane.height; ++y) {
    const float* const row = plane.row(y);
    if (all) find_keys(row, width, &keys_[static_cast<std::size_t>(y) * width]);
    for (std::size_t x = 0; x < width && !all; ++x)
      if (row[x] == row[x]) keys_[n++] = sort_key(row[x]);
  }
  radix_sort(keys_, spare_);
  grow(value_, count);
  grow(below_, count + 1);
  std::size_t distinct = 0;
  for (std::size_t i = 0; i < count; ++i) {  // what is no first of its value is written over
    value_[distinct] = value_of_key(keys_[i]);
    below_[distinct] = i;
    distinct += i == 0 || keys_[i] != keys_[i - 1] ? 1 : 0;
  }
  below_[distinct] = count;
  distinct_ = distinct;
}

/// The range of distinct values that a clip still keeps, and its statistics.
class Clipping {
 public:
  explicit Clipping(const Distribution& d) : d_(d), end_(d.distinct_) {}

  std::uint64_t count() const { return d_.below_[end_] - d_.below_[begin_]; }

  double median() const {
    const std::uint64_t n = count();
    const double upper = value_at(n / 2);
    return n % 2 == 1 ? upper : (value_at(n / 2 - 1) + upper) / 2;
  }

  double mad(double center) const {
    const std::uint64_t n = count();
    if (n % 2 == 1) return distance_at(n / 2, center);
    const double lower = distance_at(n / 2 - 1, center);
    return (lower + distance_after(lower, n / 2, center)) / 2;
  }

  /// Drops what lies further than `limit` from `center`; false when nothing did.
  bool narrow(double center, double limit) {
    const std::size_t old_begin = begin_, old_end = end_;
    while (begin_ < end_ && std::abs(d_.value_[begin_] - center) > limit) ++begin_;
    while (end_ > begin_ && std::abs(d_.value_[end_ - 1] - center) > limit) --end_;
    return begin_ != old_begin || end_ != old_end;
  }

  double standard_deviation() const {
    const double n = static_cast<double>(count());
    double sum = 0;
    for (std::size_t i = begin_; i < end_; ++i) sum += weight(i) * d_.value_[i];
    const double mean = sum / n;
    double squares = 0;
    for (std::size_t i = begin_; i < end_; ++i)
      squares += weight(i) * (d_.value_[i] - mean) * (d_.value_[i] - mean);
    return std::sqrt(squares / n);
  }

  /// The median, interpolated inside the code that holds it.
  double interpolated_median(double code_step) const {
    const double n = static_cast<double>(count());
    const std::size_t i = index_at(count() / 2);
    const double n_below = static_cast<double>(d_.below_[i] - d_.below_[begin_]);
    return d_.value_[i] + code_step * ((n / 2 - n_below) / weight(i) - 0.5);
  }

 private:
  double weight(std::size_t i) const { return static_cast<double>(d_.below_[i + 1] - d_.below_[i]); }

  std::size_t index_at(std::uint64_t rank) const {
    const auto first = d_.below_.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto last = d_.below_.begin() + static_cast<std::ptrdiff_t>(end_);
    return static_cast<std::size_t>(std::upper_bound(first, last, rank + d_.below_[begin_]) -
                                    d_.below_.begin()) -
           1;
  }
  double value_at(std::uint64_t rank) const { return d_.value_[index_at(rank)]; }

  using Value = const float*;
  Value first() const { return d_.value_.data() + begin_; }
  Value last() const { return d_.value_.data() + end_; }
  Value middle(double center) const {
    return std::partition_point(first(), last(), [&](float v) { return v < center; });
  }
  // The first value from `first()` to `middle` that lies within `distance` below the centre, and the first
  // from `middle` on that lies further above it.
  Value nearest_below(Value middle, double distance, double center) const {
    return std::partition_point(first(), middle, [&](float v) { return center - v > distance; });
  }
  Value beyond(Value middle, double distance, double center) const {
    return std::partition_point(middle, last(), [&](float v) { return v - center <= distance; });
  }
  std::uint64_t between(Value from, Value to) const {
    const Value all = d_.value_.data();
    return d_.below_[static_cast<std::size_t>(to - all)] - d_.below_[static_cast<std::size_t>(from - all)];
  }

  // The rank-th smallest distance from `center` (0-based). Distances grow to both sides of the centre, so the
  // answer is the nearest value on either side that has more than `rank` samples within its distance.
  double distance_at(std::uint64_t rank, double center) const {
    const Value middle = this->middle(center);
    const Value right = std::partition_point(middle, last(), [&](const float& v) {
      return between(nearest_below(middle, v - center, center), &v + 1) <= rank;
    });
    const Value left = std::partition_point(first(), middle, [&](const float& v) {
      return between(&v, beyond(middle, center - v, center)) > rank;
    });
    return std::min(right != last() ? *right - center : INFINITY,
                    left != first() ? center - *(left - 1) : INFINITY);
  }

  // The rank-th smallest distance where the one of rank - 1 is `lower`.
  double distance_after(double lower, std::uint64_t rank, double center) const {
    const Value middle = this->middle(center);
    const Value from = nearest_below(middle, lower, center), to = beyond(middle, lower, center);
    if (between(from, to) > rank) return lower;
    return std::min(to != last() ? *to - center : INFINITY,
                    from != first() ? center - *(from - 1) : INFINITY);
  }

  const Distribution& d_;
  std::size_t begin_ = 0, end_;
};

std::size_t Distribution::held_bytes() const {
  const auto bytes = [](const auto& values) { return values.capacity() * sizeof values[0]; };
  return bytes(value_) + bytes(below_) + bytes(keys_) + bytes(spare_) + bytes(bins_);
}

double Distribution::median() const { return distinct_ == 0 ? 0 : Clipping(*this).median(); }

namespace {

// What a 3-sigma clip leaves.
void keep_clipped(Clipping& range, double code_step) {
  for (int round = 0; round < kClipRounds; ++round) {
    const double center = range.median();
    const double s = std::max(kSdOfMad * range.mad(center), code_step);
    if (s == 0 || !range.narrow(center, kClipSigma * s)) break;
  }
}
double location_of(const Clipping& kept, double code_step) {
  return code_step > 0 ? kept.interpolated_median(code_step) : kept.median();
}

}  // namespace

double clipped_location(const Distribution& samples, double code_step) {
  if (samples.count() == 0) return 0;
  Clipping range(samples);
  keep_clipped(range, code_step);
  return location_of(range, code_step);
}

Clipped clip(const Distribution& samples, double code_step) {
  if (samples.count() == 0) return {};
  Clipping range(samples);
  keep_clipped(range, code_step);
  return {location_of(range, code_step), range.standard_deviation() / kClippedSdShare, range.count()};
}

}  // namespace tilecompile
