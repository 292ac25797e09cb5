#include "tilecompile/image/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

Plane<double> transposed(const Plane<double>& plane) {
  Plane<double> result(plane.height(), plane.width());
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) result.at(y, x) = plane.at(x, y);
  return result;
}

std::vector<double> gaussian_taps(double sigma_px) {
  const int radius = static_cast<int>(std::ceil(3 * sigma_px));
  std::vector<double> taps;
  for (int i = -radius; i <= radius; ++i) taps.push_back(exact_exp(-0.5 * i * i / (sigma_px * sigma_px)));
  return taps;
}

Plane<double> smooth_rows(const Plane<double>& plane, const std::vector<double>& taps) {
  const int radius = static_cast<int>(taps.size() / 2);
  Plane<double> result(plane.width(), plane.height());
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      double sum = 0, weight = 0;
      for (int i = std::max(-radius, -x); i <= std::min(radius, plane.width() - 1 - x); ++i) {
        const double tap = taps[static_cast<std::size_t>(i + radius)];
        sum += tap * plane.at(x + i, y);
        weight += tap;
      }
      result.at(x, y) = sum / weight;
    }
  return result;
}

Plane<double> maximum_of_rows(const Plane<double>& plane, int radius) {
  Plane<double> result(plane.width(), plane.height());
  for (int y = 0; y < plane.height(); ++y) {
    const double* row = plane.row(y);
    for (int x = 0; x < plane.width(); ++x)
      result.at(x, y) =
          *std::max_element(row + std::max(0, x - radius), row + std::min(plane.width(), x + radius + 1));
  }
  return result;
}

}  // namespace

Plane<double> gaussian_smooth(const Plane<double>& plane, double sigma_px) {
  const auto taps = gaussian_taps(sigma_px);
  return transposed(smooth_rows(transposed(smooth_rows(plane, taps)), taps));
}

Plane<double> maximum_filter(const Plane<double>& plane, int radius_px) {
  return transposed(maximum_of_rows(transposed(maximum_of_rows(plane, radius_px)), radius_px));
}

}  // namespace tilecompile
