#include "tilecompile/image/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kAtOnce = 16;  // neighbouring pixels whose sums stay in registers

/// Samples under a kernel: of output pixel x they are from[x + k * step], k = 0 .. count - 1.
struct Reach {
  const double* from;
  std::ptrdiff_t step;
  int count;
};

TILECOMPILE_VECTOR_BODY void smooth_run_body(const Reach& under, const double* taps, double weight,
                                             double* __restrict to, int n) {
  int x = 0;
  for (; x + kAtOnce <= n; x += kAtOnce) {
    double sums[kAtOnce] = {};
    for (int k = 0; k < under.count; ++k) {
      const double* const samples = under.from + k * under.step + x;
      for (int i = 0; i < kAtOnce; ++i) sums[i] += taps[k] * samples[i];
    }
    for (int i = 0; i < kAtOnce; ++i) to[x + i] = sums[i] / weight;
  }
  for (; x < n; ++x) {
    double sum = 0;
    for (int k = 0; k < under.count; ++k) sum += taps[k] * under.from[k * under.step + x];
    to[x] = sum / weight;
  }
}
TILECOMPILE_VECTOR_LEVELS(smooth_run,
                          (const Reach& under, const double* taps, double weight, double* to, int n),
                          (under, taps, weight, to, n))

TILECOMPILE_VECTOR_BODY void largest_run_body(const Reach& under, double* __restrict to, int n) {
  int x = 0;
  for (; x + kAtOnce <= n; x += kAtOnce) {
    double largest[kAtOnce];
    std::copy_n(under.from + x, kAtOnce, largest);
    for (int k = 1; k < under.count; ++k) {
      const double* const samples = under.from + k * under.step + x;
      for (int i = 0; i < kAtOnce; ++i) largest[i] = largest[i] < samples[i] ? samples[i] : largest[i];
    }
    std::copy_n(largest, kAtOnce, to + x);
  }
  for (; x < n; ++x) {
    double largest = under.from[x];
    for (int k = 1; k < under.count; ++k) largest = std::max(largest, under.from[k * under.step + x]);
    to[x] = largest;
  }
}
TILECOMPILE_VECTOR_LEVELS(largest_run, (const Reach& under, double* to, int n), (under, to, n))

/// make(under, first_tap, to, n) for runs of pixels that have the same taps inside of the plane: first along
/// rows, in place, then along columns.
template <class Make>
Plane<double> filtered(Plane<double> plane, int radius, const Make& make) {
  const int width = plane.width(), height = plane.height();
  const int inner = std::max(radius, width - radius);  // from here on taps fall off the right end
  std::vector<double> row(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    std::copy_n(plane.row(y), width, row.data());
    const auto along = [&](int x, int n) {
      const int first = std::max(0, x - radius), last = std::min(width - 1, x + radius);
      make(Reach{row.data() + first, 1, last - first + 1}, first - x + radius, plane.row(y) + x, n);
    };
    for (int x = 0; x < std::min(radius, width); ++x) along(x, 1);
    if (radius < width - radius) along(radius, width - 2 * radius);
    for (int x = inner; x < width; ++x) along(x, 1);
  }
  Plane<double> result(width, height);
  for (int y = 0; y < height; ++y) {
    const int first = std::max(0, y - radius), last = std::min(height - 1, y + radius);
    make(Reach{plane.row(first), width, last - first + 1}, first - y + radius, result.row(y), width);
  }
  return result;
}

std::vector<double> gaussian_taps(double sigma_px) {
  const int radius = static_cast<int>(std::ceil(3 * sigma_px));
  std::vector<double> taps;
  for (int i = -radius; i <= radius; ++i) taps.push_back(exact_exp(-0.5 * i * i / (sigma_px * sigma_px)));
  return taps;
}

}  // namespace

Plane<double> gaussian_smooth(Plane<double> plane, double sigma_px) {
  const auto taps = gaussian_taps(sigma_px);
  return filtered(std::move(plane), static_cast<int>(taps.size() / 2),
                  [&](const Reach& under, int first_tap, double* to, int n) {
                    const double* const inside = taps.data() + first_tap;
                    smooth_run(under, inside, std::accumulate(inside, inside + under.count, 0.0), to, n);
                  });
}

Plane<double> maximum_filter(Plane<double> plane, int radius_px) {
  return filtered(std::move(plane), radius_px, [](const Reach& under, int /*first_tap*/, double* to, int n) {
    largest_run(under, to, n);
  });
}

}  // namespace tilecompile
