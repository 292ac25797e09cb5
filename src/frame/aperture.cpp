#include "tilecompile/frame/aperture.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

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
  std::vector<double> annulus;
  for (int row = cy - reach; row <= cy + reach; ++row) {
    for (int column = cx - reach; column <= cx + reach; ++column) {
      const double distance = std::sqrt((column - x) * (column - x) + (row - y) * (row - y));
      if (distance > outer_px) continue;
      const double v = samples.at(column, row);
      if (v != v) return {};
      const double share = std::clamp(radius_px + 0.5 - distance, 0.0, 1.0);
      sum += share * v;
      area += share;
      sum_of_squares += share * v * v;
      if (distance >= inner_px) annulus.push_back(v);
    }
  }
  if (annulus.empty()) return {};
  const double sky = sky_of(annulus, ring);
  ApertureFlux result{true, sum - area * sky, sky};
  if (squares)
    result.squares = sum_of_squares - 2 * sky * sum + area * (sky * sky - variance_about(sky, annulus, ring));
  return result;
}

}  // namespace tilecompile
