#include "row_sums.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tilecompile/image/sample_vectors.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// The most pixels that are summed together; rows are padded to it.
constexpr int kWidest = 16;

/// What a cut-out brings to a row.
struct Part {
  const float* samples;
  const std::uint8_t* kept;  ///< none: all
  const float* ramp;         ///< none: 1
  Normalization normalization;
  double weight, quiet_weight, sigma2;
  bool whole;             ///< every sample is valid and kept
  std::ptrdiff_t stride;  ///< from one row of samples to the next
};

/// A row to be summed. Everything has at least kWidest pixels.
struct Row {
  std::vector<Part> parts;
  const double *quiet = nullptr, *sharp = nullptr;  ///< none: the weights are those of the frames
  std::size_t chunk = 1;
  int width = 0;
};

/// Vectors of kCount pixels.
template <int kCount>
struct Lanes : SampleVectors<kCount> {
  typedef std::int32_t Words __attribute__((vector_size(4 * kCount)));
  typedef std::uint8_t Bytes __attribute__((vector_size(kCount)));
};

// Vectors go by reference throughout: how they are passed differs with the vector units.
template <class Vector>
[[gnu::always_inline]] inline void load(const void* from, Vector& to) {
  std::memcpy(&to, from, sizeof to);
}

/// What a part has at kHalf pixels.
template <int kHalf>
struct Samples {
  typename Lanes<kHalf>::Doubles value;  ///< I'
  typename Lanes<kHalf>::Masks valid, used;

  [[gnu::always_inline]] void take(const Part& part, int x) {
    using L = Lanes<kHalf>;
    typename L::Floats floats;
    load(part.samples + x, floats);
    const Normalization& n = part.normalization;
    value = (__builtin_convertvector(floats, typename L::Doubles) - n.offset) * n.gain + n.pedestal;
    if (part.whole) return;
    typename L::Words there = floats == floats;
    valid = __builtin_convertvector(there, typename L::Masks);
    if (part.kept != nullptr) {
      typename L::Bytes kept;
      load(part.kept + x, kept);
      there &= __builtin_convertvector(kept, typename L::Words) != 0;
    }
    used = __builtin_convertvector(there, typename L::Masks);
  }

  // sum += v where there is a sample that is kept. On the bits: compilers take comparisons of wide vectors
  // apart.
  template <class Doubles>
  [[gnu::always_inline]] void add(const Part& part, const Doubles& v, Doubles& sum) const {
    using Masks = typename Lanes<kHalf>::Masks;
    if (part.whole)
      sum += v;
    else
      sum += reinterpret_cast<Doubles>(reinterpret_cast<Masks>(v) & used);
  }
  template <class Masks>
  [[gnu::always_inline]] void count(const Part& part, Masks& count) const {
    if (part.whole)
      count += 1;
    else
      count -= valid;
  }
};

template <class Floats, class Doubles>
[[gnu::always_inline]] inline void multiply_by_ramp(const Part& part, int x, Doubles& weight) {
  if (part.ramp == nullptr) return;
  Floats ramp;
  load(part.ramp + x, ramp);
  weight *= __builtin_convertvector(ramp, Doubles);
}

/// The sums of kLanes pixels with the weights of the row, in two vectors of doubles each.
template <int kLanes>
struct BlockSums {
  static constexpr int kHalf = kLanes / 2;
  using Doubles = typename Lanes<kHalf>::Doubles;
  using Masks = typename Lanes<kHalf>::Masks;
  Doubles value[2] = {}, weight[2] = {}, squares[2] = {}, variance[2] = {};
  Masks count[2] = {};

  [[gnu::always_inline]] void add(const Row& row, const Part& part, int half, int x) {
    Samples<kHalf> s;
    s.take(part, x);
    Doubles w = Doubles{} + part.weight;
    if (row.sharp != nullptr) {
      Doubles quiet, sharp;
      load(row.quiet + x, quiet);
      load(row.sharp + x, sharp);
      w = quiet * part.quiet_weight + sharp * part.weight;
    }
    multiply_by_ramp<typename Lanes<kHalf>::Floats>(part, x, w);
    const Doubles w2 = w * w;
    s.add(part, w * s.value, value[half]);
    s.add(part, w, weight[half]);
    s.add(part, w2, squares[half]);
    s.add(part, w2 * part.sigma2, variance[half]);
    s.count(part, count[half]);
  }
  [[gnu::always_inline]] void add(const BlockSums& chunk) {
    for (int half = 0; half < 2; ++half) {
      value[half] += chunk.value[half];
      weight[half] += chunk.weight[half];
      squares[half] += chunk.squares[half];
      variance[half] += chunk.variance[half];
      count[half] += chunk.count[half];
    }
  }
  [[gnu::always_inline]] void store(int x, RowSums& to) const {
    const auto at = static_cast<std::size_t>(x);
    std::memcpy(to.value.data() + at, value, sizeof value);
    std::memcpy(to.weight.data() + at, weight, sizeof weight);
    std::memcpy(to.squares.data() + at, squares, sizeof squares);
    std::memcpy(to.variance.data() + at, variance, sizeof variance);
    for (int p = 0; p < kLanes; ++p)
      to.count[at + static_cast<std::size_t>(p)] = static_cast<std::int32_t>(count[p / kHalf][p % kHalf]);
  }
};

/// The sums of two means of kLanes pixels, one with W, one with q.
template <int kLanes>
struct TwoBlockSums {
  static constexpr int kHalf = kLanes / 2;
  using Doubles = typename Lanes<kHalf>::Doubles;
  using Masks = typename Lanes<kHalf>::Masks;
  Doubles sharp_value[2] = {}, sharp_weight[2] = {}, quiet_value[2] = {}, quiet_weight[2] = {};
  Masks count[2] = {};

  [[gnu::always_inline]] void add(const Row&, const Part& part, int half, int x) {
    Samples<kHalf> s;
    s.take(part, x);
    Doubles w = Doubles{} + part.weight, q = Doubles{} + part.quiet_weight;
    multiply_by_ramp<typename Lanes<kHalf>::Floats>(part, x, w);
    multiply_by_ramp<typename Lanes<kHalf>::Floats>(part, x, q);
    s.add(part, w * s.value, sharp_value[half]);
    s.add(part, w, sharp_weight[half]);
    s.add(part, q * s.value, quiet_value[half]);
    s.add(part, q, quiet_weight[half]);
    s.count(part, count[half]);
  }
  [[gnu::always_inline]] void add(const TwoBlockSums& chunk) {
    for (int half = 0; half < 2; ++half) {
      sharp_value[half] += chunk.sharp_value[half];
      sharp_weight[half] += chunk.sharp_weight[half];
      quiet_value[half] += chunk.quiet_value[half];
      quiet_weight[half] += chunk.quiet_weight[half];
      count[half] += chunk.count[half];
    }
  }
  [[gnu::always_inline]] void store(int x, TwoRowSums& to) const {
    const auto at = static_cast<std::size_t>(x);
    std::memcpy(to.sharp_value.data() + at, sharp_value, sizeof sharp_value);
    std::memcpy(to.sharp_weight.data() + at, sharp_weight, sizeof sharp_weight);
    std::memcpy(to.quiet_value.data() + at, quiet_value, sizeof quiet_value);
    std::memcpy(to.quiet_weight.data() + at, quiet_weight, sizeof quiet_weight);
    for (int p = 0; p < kLanes; ++p)
      to.count[at + static_cast<std::size_t>(p)] = static_cast<std::int32_t>(count[p / kHalf][p % kHalf]);
  }
};

// The last block overlaps the one before where the width is no multiple: the same pixels give the same sums.
template <class Block, int kLanes, class To>
[[gnu::always_inline]] inline void sum_row_of_blocks(const Row& row, To& to) {
  for (int x = 0; x < row.width; x += kLanes) {
    const int at = std::min(x, row.width - kLanes);
    Block total;
    for (std::size_t begin = 0; begin < row.parts.size(); begin += row.chunk) {
      Block chunk;
      for (std::size_t f = begin; f < std::min(begin + row.chunk, row.parts.size()); ++f) {
        const Part& part = row.parts[f];
        __builtin_prefetch(part.samples + part.stride + at);  // no prefetcher follows hundreds of frames
        for (int half = 0; half < 2; ++half) chunk.add(row, part, half, at + half * Block::kHalf);
      }
      total.add(chunk);
    }
    total.store(at, to);
  }
}
TILECOMPILE_VECTOR_BODY void sum_blocks_body(const Row& row, RowSums& to) {
  sum_row_of_blocks<BlockSums<kLanes>, kLanes>(row, to);
}
TILECOMPILE_VECTOR_LEVELS(sum_blocks, (const Row& row, RowSums& to), (row, to))
TILECOMPILE_VECTOR_BODY void sum_two_blocks_body(const Row& row, TwoRowSums& to) {
  sum_row_of_blocks<TwoBlockSums<kLanes>, kLanes>(row, to);
}
TILECOMPILE_VECTOR_LEVELS(sum_two_blocks, (const Row& row, TwoRowSums& to), (row, to))

// Rows narrower than a block, with pixels at their end that no frame has.
class PaddedRow {
 public:
  PaddedRow(const Row& row) : row_(row) {
    const auto width = static_cast<std::size_t>(row.width);
    const std::size_t planes = row.parts.size();
    samples_.assign(planes * kWidest, std::numeric_limits<float>::quiet_NaN());
    kept_.assign(planes * kWidest, 0);
    ramps_.assign(planes * kWidest, 0);
    for (std::size_t f = 0; f < planes; ++f) {
      Part& part = row_.parts[f];
      part.whole = false;
      part.samples = std::copy_n(part.samples, width, samples_.data() + f * kWidest) - width;
      if (part.kept != nullptr) part.kept = std::copy_n(part.kept, width, kept_.data() + f * kWidest) - width;
      if (part.ramp != nullptr)
        part.ramp = std::copy_n(part.ramp, width, ramps_.data() + f * kWidest) - width;
    }
    if (row.sharp != nullptr) {
      std::copy_n(row.quiet, width, quiet_.begin());
      std::copy_n(row.sharp, width, sharp_.begin());
      row_.quiet = quiet_.data();
      row_.sharp = sharp_.data();
    }
    row_.width = kWidest;
  }
  PaddedRow(const PaddedRow&) = delete;
  PaddedRow& operator=(const PaddedRow&) = delete;

  const Row& row() const { return row_; }

 private:
  Row row_;
  std::vector<float> samples_, ramps_;
  std::vector<std::uint8_t> kept_;
  std::array<double, kWidest> quiet_{}, sharp_{};
};

// The first pixels of padded sums.
template <class Sums>
void copy_sums(Sums& from, Sums& to) {
  const auto sources = from.sums(), targets = to.sums();
  for (std::size_t k = 0; k < sources.size(); ++k)
    std::copy_n(sources[k]->begin(), targets[k]->size(), targets[k]->begin());
  std::copy_n(from.count.begin(), to.count.size(), to.count.begin());
}

template <class Sums>
void sum(const Row& row, Sums& sums, void (*sum_wide)(const Row&, Sums&)) {
  if (row.width >= kWidest) return sum_wide(row, sums);
  Sums padded(kWidest);
  sum_wide(PaddedRow(row).row(), padded);
  copy_sums(padded, sums);
}

bool all_valid(const float* samples, int width) {
  int invalid = 0;
  for (int x = 0; x < width; ++x) invalid += samples[x] != samples[x] ? 1 : 0;
  return invalid == 0;
}

// Looking through the samples one frame after the other also brings them near, which going across the frames
// would do line by line.
Row row_of(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, bool plain) {
  Row row;
  row.chunk = chunk;
  row.width = cutouts.empty() ? 0 : cutouts.front().samples.width;
  row.parts.reserve(cutouts.size());
  for (const WeightedCutout& c : cutouts) {
    const std::uint8_t* const kept = plain ? nullptr : c.kept_row(y);
    const float* const shares = c.shares.data == nullptr ? nullptr : c.shares.row(y);
    const float* const ramp = c.ramp == nullptr ? shares : c.ramp->row(y);
    row.parts.push_back({c.samples.row(y), kept, plain ? shares : ramp, c.normalization,
                         plain ? 1.0 : c.weight, c.quiet_weight, c.noise * c.noise,
                         kept == nullptr && (c.whole || all_valid(c.samples.row(y), row.width)),
                         c.samples.stride});
  }
  return row;
}

}  // namespace

void sum_row(const std::vector<WeightedCutout>& cutouts, const PixelMix& mix, int y, std::size_t chunk,
             RowSums& sums) {
  Row row = row_of(cutouts, y, chunk, false);
  if (mix.sharp != nullptr) {
    row.quiet = mix.quiet->row(y);
    row.sharp = mix.sharp->row(y);
  }
  sum(row, sums, sum_blocks);
}

void plain_row(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, RowSums& sums) {
  sum(row_of(cutouts, y, chunk, true), sums, sum_blocks);
}

void sum_row_twice(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, TwoRowSums& sums) {
  sum(row_of(cutouts, y, chunk, false), sums, sum_two_blocks);
}

}  // namespace tilecompile
