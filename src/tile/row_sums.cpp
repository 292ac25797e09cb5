#include "row_sums.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// The most pixels that are summed together; rows are padded to it.
constexpr int kWidest = 8;

/// What a cut-out brings to a row.
struct Part {
  const float* samples;
  const std::uint8_t* kept;  ///< none: all
  const float* ramp;         ///< none: 1
  Normalization normalization;
  double weight, quiet_weight, sigma2;
};

/// A row to be summed. Everything has at least kWidest pixels.
struct Row {
  std::vector<Part> parts;
  const double *quiet = nullptr, *sharp = nullptr;  ///< none: the weights are those of the frames
  std::size_t chunk = 1;
  int width = 0;
};

template <int kCount>
struct Lanes;
template <>
struct Lanes<2> {
  typedef double Doubles __attribute__((vector_size(16)));
  typedef float Floats __attribute__((vector_size(8)));
  typedef std::int64_t Masks __attribute__((vector_size(16)));
  typedef std::uint8_t Bytes __attribute__((vector_size(2)));
};
template <>
struct Lanes<4> {
  typedef double Doubles __attribute__((vector_size(32)));
  typedef float Floats __attribute__((vector_size(16)));
  typedef std::int64_t Masks __attribute__((vector_size(32)));
  typedef std::uint8_t Bytes __attribute__((vector_size(4)));
};
/// The sums of kLanes pixels, in two vectors of doubles each.
template <int kLanes>
struct BlockSums {
  using Doubles = typename Lanes<kLanes / 2>::Doubles;
  using Masks = typename Lanes<kLanes / 2>::Masks;
  Doubles value[2] = {}, weight[2] = {}, squares[2] = {}, variance[2] = {};
  Masks count[2] = {};
};

// Sums of pixels x .. x + kLanes - 1 over the frames [begin, end).
TILECOMPILE_VECTOR_BODY void add_frames(const Row& row, int x, std::size_t begin, std::size_t end,
                                        BlockSums<kLanes>& sums) {
  constexpr int kHalf = kLanes / 2;
  using Doubles = typename Lanes<kHalf>::Doubles;
  using Floats = typename Lanes<kHalf>::Floats;
  using Masks = typename Lanes<kHalf>::Masks;
  using Bytes = typename Lanes<kHalf>::Bytes;
  constexpr Doubles kZero = {};
  for (std::size_t f = begin; f < end; ++f) {
    const Part& part = row.parts[f];
    for (int half = 0; half < 2; ++half) {
      const int at = x + half * kHalf;
      Floats samples;
      std::memcpy(&samples, part.samples + at, sizeof samples);
      const Doubles s = __builtin_convertvector(samples, Doubles);
      const Masks valid = s == s;
      Masks used = valid;
      if (part.kept != nullptr) {
        Bytes kept;
        std::memcpy(&kept, part.kept + at, sizeof kept);
        used &= __builtin_convertvector(kept, Masks) != 0;
      }
      Doubles w = kZero + part.weight;
      if (row.sharp != nullptr) {
        Doubles quiet, sharp;
        std::memcpy(&quiet, row.quiet + at, sizeof quiet);
        std::memcpy(&sharp, row.sharp + at, sizeof sharp);
        w = quiet * part.quiet_weight + sharp * part.weight;
      }
      if (part.ramp != nullptr) {
        Floats ramp;
        std::memcpy(&ramp, part.ramp + at, sizeof ramp);
        w *= __builtin_convertvector(ramp, Doubles);
      }
      const Doubles w2 = w * w;
      const Normalization& n = part.normalization;
      sums.value[half] += used ? w * ((s - n.offset) * n.gain + n.pedestal) : kZero;
      sums.weight[half] += used ? w : kZero;
      sums.squares[half] += used ? w2 : kZero;
      sums.variance[half] += used ? w2 * part.sigma2 : kZero;
      sums.count[half] -= valid;
    }
  }
}

TILECOMPILE_VECTOR_BODY void store_block(const BlockSums<kLanes>& sums, int x, RowSums& to) {
  const auto at = static_cast<std::size_t>(x);
  std::memcpy(to.value.data() + at, sums.value, sizeof sums.value);
  std::memcpy(to.weight.data() + at, sums.weight, sizeof sums.weight);
  std::memcpy(to.squares.data() + at, sums.squares, sizeof sums.squares);
  std::memcpy(to.variance.data() + at, sums.variance, sizeof sums.variance);
  for (int p = 0; p < kLanes; ++p)
    to.count[at + static_cast<std::size_t>(p)] =
        static_cast<std::int32_t>(sums.count[p / (kLanes / 2)][p % (kLanes / 2)]);
}

// Eight pixels at most: GCC 12 takes comparisons of 64-byte vectors apart.
constexpr int block_of(int lanes) { return lanes < 8 ? lanes : 8; }

// The last block overlaps the one before where the width is no multiple: the same pixels give the same sums.
TILECOMPILE_VECTOR_BODY void sum_blocks_body(const Row& row, RowSums& to) {
  constexpr int kBlock = block_of(kLanes);
  for (int x = 0; x < row.width; x += kBlock) {
    const int at = std::min(x, row.width - kBlock);
    BlockSums<kBlock> total;
    for (std::size_t begin = 0; begin < row.parts.size(); begin += row.chunk) {
      BlockSums<kBlock> chunk;
      add_frames<kBlock>(row, at, begin, std::min(begin + row.chunk, row.parts.size()), chunk);
      for (int half = 0; half < 2; ++half) {
        total.value[half] += chunk.value[half];
        total.weight[half] += chunk.weight[half];
        total.squares[half] += chunk.squares[half];
        total.variance[half] += chunk.variance[half];
        total.count[half] += chunk.count[half];
      }
    }
    store_block<kBlock>(total, at, to);
  }
}
TILECOMPILE_VECTOR_LEVELS(sum_blocks, (const Row& row, RowSums& to), (row, to))

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

  void sum(RowSums& to) const {
    RowSums padded(kWidest);
    sum_blocks(row_, padded);
    const auto from = padded.sums(), into = to.sums();
    for (std::size_t k = 0; k < from.size(); ++k)
      std::copy_n(from[k]->begin(), into[k]->size(), into[k]->begin());
    std::copy_n(padded.count.begin(), to.count.size(), to.count.begin());
  }

 private:
  Row row_;
  std::vector<float> samples_, ramps_;
  std::vector<std::uint8_t> kept_;
  std::array<double, kWidest> quiet_{}, sharp_{};
};

void sum(const Row& row, RowSums& sums) {
  if (row.width < kWidest)
    PaddedRow(row).sum(sums);
  else
    sum_blocks(row, sums);
}

Row row_of(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, bool plain) {
  Row row;
  row.chunk = chunk;
  row.width = cutouts.empty() ? 0 : cutouts.front().samples.width;
  for (const WeightedCutout& c : cutouts)
    row.parts.push_back({c.samples.row(y), plain || c.kept == nullptr ? nullptr : c.kept->row(y),
                         plain || c.ramp == nullptr ? nullptr : c.ramp->row(y), c.normalization,
                         plain ? 1.0 : c.weight, c.quiet_weight, c.noise * c.noise});
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
  sum(row, sums);
}

void plain_row(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, RowSums& sums) {
  sum(row_of(cutouts, y, chunk, true), sums);
}

}  // namespace tilecompile
