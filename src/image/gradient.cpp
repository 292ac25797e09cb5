#include "tilecompile/image/gradient.hpp"

namespace tilecompile {
namespace {

constexpr int kEnergyLanes = 8;

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

}  // namespace

GradientEnergy gradient_energy(const PlaneView<float>& plane) {
  double total = 0;
  std::uint64_t pixels = 0;
  for (int y = 1; y + 1 < plane.height; ++y) {
    const float *above = plane.row(y - 1), *row = plane.row(y), *below = plane.row(y + 1);
    RowSum sum;
    int x = 1;
    for (; x + kEnergyLanes < plane.width; x += kEnergyLanes) {
      for (int lane = 0; lane < kEnergyLanes; ++lane) {
        const double g = squared_gradient(above, row, below, x + lane);
        const bool valid = g == g;
        sum.energy[lane] += valid ? g : 0.0;
        sum.pixels[lane] += valid ? 1 : 0;
      }
    }
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
