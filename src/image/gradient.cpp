#include "tilecompile/image/gradient.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tilecompile/image/sample_vectors.hpp"
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

// Columns are looked at a strip at a time, all rows of one before the next: what a row has in doubles serves
// the three rows of pixels that it lies in or beside, out of the nearest cache.
constexpr int kStripColumns = 64;
struct StripRow {
  double sample[kStripColumns + 2];  // from the column left of the strip on
  double across[kStripColumns];      // right less left neighbour
};

TILECOMPILE_VECTOR_BODY void fill_row_body(const float* from, int columns, StripRow& row) {
  for (int i = 0; i < columns + 2; ++i) row.sample[i] = from[i];
  for (int i = 0; i < columns; ++i) row.across[i] = row.sample[i + 2] - row.sample[i];
}
TILECOMPILE_VECTOR_LEVELS(fill_row, (const float* from, int columns, StripRow& row), (from, columns, row))

// Adds the pixels of the middle row, whole blocks of kEnergyLanes: the arithmetic of squared_gradient.
TILECOMPILE_VECTOR_BODY void add_row_body(const StripRow& above, const StripRow& row, const StripRow& below,
                                          int columns, RowSum& sum) {
  constexpr int kCount = kDoublesAVector<kLanes>;
  constexpr int kVectors = kEnergyLanes / kCount;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  using Masks = typename SampleVectors<kCount>::Masks;
  double down[kStripColumns + 2];
  for (int i = 0; i < columns + 2; ++i) down[i] = below.sample[i] - above.sample[i];
  Doubles energy[kVectors];
  Masks pixels[kVectors];
  std::memcpy(energy, sum.energy, sizeof energy);
  std::memcpy(pixels, sum.pixels, sizeof pixels);
  for (int x = 0; x < columns; x += kEnergyLanes)
    for (int k = 0; k < kVectors; ++k) {
      const int at = x + k * kCount;
      Doubles c, north, here, south, left, middle, right;
      std::memcpy(&c, row.sample + at + 1, sizeof c);
      std::memcpy(&north, above.across + at, sizeof north);
      std::memcpy(&here, row.across + at, sizeof here);
      std::memcpy(&south, below.across + at, sizeof south);
      std::memcpy(&left, down + at, sizeof left);
      std::memcpy(&middle, down + at + 1, sizeof middle);
      std::memcpy(&right, down + at + 2, sizeof right);
      const Doubles gx = north + 2 * here + south, gy = left + 2 * middle + right;
      const Doubles g = gx * gx + gy * gy + (c - c);
      const Masks valid = g == g;
      energy[k] += reinterpret_cast<Doubles>(reinterpret_cast<Masks>(g) & valid);
      pixels[k] -= valid;
    }
  std::memcpy(sum.energy, energy, sizeof energy);
  std::memcpy(sum.pixels, pixels, sizeof pixels);
}
TILECOMPILE_VECTOR_LEVELS(add_row,
                          (const StripRow& above, const StripRow& row, const StripRow& below, int columns,
                           RowSum& sum),
                          (above, row, below, columns, sum))

// Sums over the columns x0 .. x0 + columns - 1 of every row but the first and the last.
void add_strip(const PlaneView<float>& plane, int x0, int columns, std::vector<RowSum>& sums) {
  StripRow rows[3];
  for (int y = 0; y < plane.height; ++y) {
    fill_row(plane.row(y) + x0 - 1, columns, rows[y % 3]);
    if (y >= 2)
      add_row(rows[(y - 2) % 3], rows[(y - 1) % 3], rows[y % 3], columns,
              sums[static_cast<std::size_t>(y - 1)]);
  }
}

template <class Sum>
GradientEnergy mean_of(const std::vector<Sum>& rows) {
  double energy = 0;
  std::uint64_t pixels = 0;
  for (const Sum& row : rows)
    for (int lane = 0; lane < kEnergyLanes; ++lane) {
      energy += row.energy[lane];
      pixels += static_cast<std::uint64_t>(row.pixels[lane]);
    }
  if (pixels == 0) return {};
  return {energy / 64.0 / static_cast<double>(pixels), pixels};
}

// Of whole numbers every difference is exact in float32, whatever its order, so that a vector holds twice as
// many; only the squares need doubles.
constexpr int kWholeColumns = 256;
struct WholeRow {
  float across[kWholeColumns];  // right less left neighbour
  float smooth[kWholeColumns];  // left neighbour, twice the sample, right neighbour
  WholeRow() {
    std::fill(across, across + kWholeColumns, std::nanf(""));  // beyond the strip no pixel counts
    std::fill(smooth, smooth + kWholeColumns, std::nanf(""));
  }
};
struct WholeSum {
  double energy[kEnergyLanes] = {};
  std::int32_t pixels[kEnergyLanes] = {};
};

TILECOMPILE_VECTOR_BODY void fill_whole_row_body(const float* __restrict from, int columns,
                                                 WholeRow& __restrict row) {
  for (int i = 0; i < columns; ++i) {
    row.across[i] = from[i + 2] - from[i];
    row.smooth[i] = from[i] + 2 * from[i + 1] + from[i + 2];
  }
}
TILECOMPILE_VECTOR_LEVELS(fill_whole_row, (const float* from, int columns, WholeRow& row),
                          (from, columns, row))

TILECOMPILE_VECTOR_BODY void add_whole_row_body(const WholeRow& above, const WholeRow& row,
                                                const WholeRow& below, int columns, WholeSum& sum) {
  constexpr int kCount = kLanes == 16 ? 8 : 4;  // doubles at a time
  constexpr int kVectors = kEnergyLanes / kCount;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  using Floats = typename SampleVectors<kCount>::Floats;
  using Masks = typename SampleVectors<kCount>::FloatMasks;
  Doubles energy[kVectors];
  Masks pixels[kVectors];
  std::memcpy(energy, sum.energy, sizeof energy);
  std::memcpy(pixels, sum.pixels, sizeof pixels);
  for (int x = 0; x < columns; x += kEnergyLanes)
    for (int k = 0; k < kVectors; ++k) {
      const int at = x + k * kCount;
      Floats north, here, south, over, middle, under;
      std::memcpy(&north, above.across + at, sizeof north);
      std::memcpy(&here, row.across + at, sizeof here);
      std::memcpy(&south, below.across + at, sizeof south);
      std::memcpy(&over, above.smooth + at, sizeof over);
      std::memcpy(&middle, row.smooth + at, sizeof middle);
      std::memcpy(&under, below.smooth + at, sizeof under);
      const Floats gx = north + 2 * here + south, gy = under - over, all = gx + gy + middle;
      const Masks valid = all == all;
      const Doubles x2 =
          __builtin_convertvector(reinterpret_cast<Floats>(reinterpret_cast<Masks>(gx) & valid), Doubles);
      const Doubles y2 =
          __builtin_convertvector(reinterpret_cast<Floats>(reinterpret_cast<Masks>(gy) & valid), Doubles);
      energy[k] += x2 * x2 + y2 * y2;
      pixels[k] -= valid;
    }
  std::memcpy(sum.energy, energy, sizeof energy);
  std::memcpy(sum.pixels, pixels, sizeof pixels);
}
TILECOMPILE_VECTOR_LEVELS(add_whole_row,
                          (const WholeRow& above, const WholeRow& row, const WholeRow& below, int columns,
                           WholeSum& sum),
                          (above, row, below, columns, sum))

// gradient_energy of whole numbers: the same sums in the same order.
GradientEnergy energy_of_whole_numbers(const PlaneView<float>& plane) {
  const int width = plane.width - 2;
  std::vector<WholeSum> sums(static_cast<std::size_t>(std::max(0, plane.height - 2)));
  for (int x = 0; x < width; x += kWholeColumns) {
    const int columns = std::min(kWholeColumns, width - x);
    WholeRow rows[3];
    for (int y = 0; y < plane.height; ++y) {
      fill_whole_row(plane.row(y) + x, columns, rows[y % 3]);
      if (y >= 2)
        add_whole_row(rows[(y - 2) % 3], rows[(y - 1) % 3], rows[y % 3], columns,
                      sums[static_cast<std::size_t>(y - 2)]);
    }
  }
  return mean_of(sums);
}

}  // namespace

GradientEnergy gradient_energy(const PlaneView<float>& plane, bool whole_numbers) {
  if (whole_numbers) return energy_of_whole_numbers(plane);
  std::vector<RowSum> sums(static_cast<std::size_t>(plane.height));
  const int end = 1 + std::max(0, plane.width - 2) / kEnergyLanes * kEnergyLanes;
  for (int x = 1; x < end; x += kStripColumns) add_strip(plane, x, std::min(kStripColumns, end - x), sums);
  for (int y = 1; y + 1 < plane.height; ++y) {
    const float *above = plane.row(y - 1), *row = plane.row(y), *below = plane.row(y + 1);
    RowSum& sum = sums[static_cast<std::size_t>(y)];
    for (int x = end, lane = 0; x + 1 < plane.width; ++x, ++lane) {
      const double g = squared_gradient(above, row, below, x);
      const bool valid = g == g;
      sum.energy[lane] += valid ? g : 0.0;
      sum.pixels[lane] += valid ? 1 : 0;
    }
  }
  return mean_of(sums);
}

}  // namespace tilecompile
