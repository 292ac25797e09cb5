#include "tilecompile/frame/aperture.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// Distances of the pixels from `first` on of a row, whose own offset squared is `dy2`.
TILECOMPILE_VECTOR_BODY void find_distances_body(double x, int first, int n, double dy2,
                                                 double* __restrict to) {
  for (int i = 0; i < n; ++i) to[i] = std::sqrt((first + i - x) * (first + i - x) + dy2);
}
TILECOMPILE_VECTOR_LEVELS(find_distances, (double x, int first, int n, double dy2, double* to),
                          (x, first, n, dy2, to))

double sky_of(const std::vector<double>& annulus, RingSky ring) {
  if (ring == RingSky::kMedian) return median(annulus);
  double sum = 0;
  for (const double v : annulus) sum += v;
  return sum / static_cast<double>(annulus.size());
}

double variance_about(double sky, const std::vector<double>& annulus, RingSky ring) {
  if (ring == RingSky::kMedian) {
    const double scatter = robust_sd(annulus);
    return scatter * scatter;
  }
  double sum = 0;
  for (const double v : annulus) sum += (v - sky) * (v - sky);
  return sum / static_cast<double>(annulus.size());
}

}  // namespace

ApertureFlux aperture_flux(const PlaneView<float>& samples, double x, double y, double radius_px,
                           double inner_px, double outer_px, RingSky ring, bool squares) {
  const int reach = static_cast<int>(std::ceil(outer_px)) + 1;
  const int cx = static_cast<int>(std::floor(x + 0.5)), cy = static_cast<int>(std::floor(y + 0.5));
  if (cx - reach < 0 || cy - reach < 0 || cx + reach >= samples.width || cy + reach >= samples.height)
    return {};
  double sum = 0, area = 0, sum_of_squares = 0;
  const int side = 2 * reach + 1;
  std::vector<double> annulus(static_cast<std::size_t>(side * side)),
      distances(static_cast<std::size_t>(side));
  std::size_t ring_pixels = 0;
  // the columns that the aperture reaches
  const int wide = static_cast<int>(std::min(1.0 * reach, std::ceil(radius_px + 1)));
  const int first = std::max(0, reach - wide - 1), last = std::min(side - 1, reach + wide + 1);
  for (int row = cy - reach; row <= cy + reach; ++row) {
    find_distances(x, cx - reach, side, (row - y) * (row - y), distances.data());
    const float* const pixels = samples.row(row) + cx - reach;
    bool some_invalid = false;
    for (int i = 0; i < side; ++i) {  // without branches: which pixels are of the ring is hard to foretell
      const double distance = distances[static_cast<std::size_t>(i)], v = pixels[i];
      annulus[ring_pixels] = v;
      ring_pixels += (distance >= inner_px) & (distance <= outer_px) ? 1 : 0;
      some_invalid |= (v != v) & (distance <= outer_px);
    }
    if (some_invalid) return {};
    for (int i = first; i <= last && std::abs(row - y) < radius_px + 1; ++i) {
      const double distance = distances[static_cast<std::size_t>(i)], v = pixels[i];
      if (!(distance < radius_px + 0.5) || distance > outer_px) continue;
      const double share = std::min(radius_px + 0.5 - distance, 1.0);
      sum += share * v;
      area += share;
      sum_of_squares += share * v * v;
    }
  }
  annulus.resize(ring_pixels);
  if (annulus.empty()) return {};
  const double sky = sky_of(annulus, ring);
  ApertureFlux result{true, sum - area * sky, sky};
  if (squares)
    result.squares = sum_of_squares - 2 * sky * sum + area * (sky * sky - variance_about(sky, annulus, ring));
  return result;
}

}  // namespace tilecompile
