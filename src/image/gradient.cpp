#include "tilecompile/image/gradient.hpp"

#include <algorithm>
#include <cstring>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kEnergyLanes = 8;
static_assert(kEnergyLanes % 8 == 0);

struct RowSum {
  double energy[kEnergyLanes] = {};
  std::int64_t pixels[kEnergyLanes] = {};
};

// 64 times the squared gradient at column x of the middle row; NaN when any of the nine samples is.
inline double squared_gradient(const float* above, const float* row, const float* below, int x) {
  const double nw = above[x - 1], n = above[x], ne = above[x + 1];
  const double w = row[x - 1], c = row[x], e = row[x + 1];
  const double sw = below[x - 1], s = below[x], se = below[x + 1];
  const double gx = (ne - nw) + 2 * (e - w) + (se - sw);
  const double gy = (sw - nw) + 2 * (s - n) + (se - ne);
  return gx * gx + gy * gy + (c - c);  // the centre has no part in gx, gy but must be valid
}

/// Vectors of kCount samples.
template <int kCount>
struct SampleVectors {
  typedef double Doubles __attribute__((vector_size(8 * kCount)));
  typedef float Floats __attribute__((vector_size(4 * kCount)));
  typedef std::int64_t Masks __attribute__((vector_size(8 * kCount)));
};

// The gradients of a block of pixels, the arithmetic of squared_gradient in vectors of kCount doubles.
template <int kCount>
struct GradientBlock {
  using Doubles = typename SampleVectors<kCount>::Doubles;
  using Floats = typename SampleVectors<kCount>::Floats;
  using Masks = typename SampleVectors<kCount>::Masks;

  [[gnu::always_inline]] static void load(const float* from, Doubles& to) {
    Floats floats;
    std::memcpy(&floats, from, sizeof floats);
    to = __builtin_convertvector(floats, Doubles);
  }
  [[gnu::always_inline]] static void add(const float* above, const float* row, const float* below, int x,
                                         Doubles& energy, Masks& pixels) {
    Doubles nw, n, ne, w, c, e, sw, s, se;
    load(above + x - 1, nw);
    load(above + x, n);
    load(above + x + 1, ne);
    load(row + x - 1, w);
    load(row + x, c);
    load(row + x + 1, e);
    load(below + x - 1, sw);
    load(below + x, s);
    load(below + x + 1, se);
    const Doubles gx = (ne - nw) + 2 * (e - w) + (se - sw);
    const Doubles gy = (sw - nw) + 2 * (s - n) + (se - ne);
    const Doubles g = gx * gx + gy * gy + (c - c);
    const Masks valid = g == g;
    energy += reinterpret_cast<Doubles>(reinterpret_cast<Masks>(g) & valid);
    pixels -= valid;
  }
};

// Adds the pixels of whole blocks of kEnergyLanes from column 1 on.
TILECOMPILE_VECTOR_BODY void add_blocks_body(const float* above, const float* row, const float* below,
                                             int width, RowSum& sum) {
  constexpr int kCount = kLanes < 8 ? kLanes / 2 : 4;  // GCC 12 takes comparisons of 64-byte vectors apart
  constexpr int kVectors = kEnergyLanes / kCount;
  using Block = GradientBlock<kCount>;
  typename Block::Doubles energy[kVectors] = {};
  typename Block::Masks pixels[kVectors] = {};
  for (int x = 1; x + kEnergyLanes < width; x += kEnergyLanes)
    for (int v = 0; v < kVectors; ++v) Block::add(above, row, below, x + v * kCount, energy[v], pixels[v]);
  std::memcpy(sum.energy, energy, sizeof sum.energy);
  std::memcpy(sum.pixels, pixels, sizeof sum.pixels);
}
TILECOMPILE_VECTOR_LEVELS(add_blocks,
                          (const float* above, const float* row, const float* below, int width, RowSum& sum),
                          (above, row, below, width, sum))

}  // namespace

GradientEnergy gradient_energy(const PlaneView<float>& plane) {
  double total = 0;
  std::uint64_t pixels = 0;
  for (int y = 1; y + 1 < plane.height; ++y) {
    const float *above = plane.row(y - 1), *row = plane.row(y), *below = plane.row(y + 1);
    RowSum sum;
    add_blocks(above, row, below, plane.width, sum);
    int x = 1 + std::max(0, plane.width - 2) / kEnergyLanes * kEnergyLanes;
    for (int lane = 0; x + 1 < plane.width; ++x, ++lane) {
      const double g = squared_gradient(above, row, below, x);
      const bool valid = g == g;
      sum.energy[lane] += valid ? g : 0.0;
      sum.pixels[lane] += valid ? 1 : 0;
    }
    for (int lane = 0; lane < kEnergyLanes; ++lane) {
      total += sum.energy[lane];
      pixels += static_cast<std::uint64_t>(sum.pixels[lane]);
    }
  }
  if (pixels == 0) return {};
  return {total / 64.0 / static_cast<double>(pixels), pixels};
}

}  // namespace tilecompile
