#include "tilecompile/frame/sky_mesh.hpp"

#include <algorithm>

namespace tilecompile {
namespace {

constexpr int kMostIntervals = 8, kSmallestIntervalPx = 64;

std::vector<SplineAt> splines_along(int first, int count, int size, int intervals) {
  std::vector<SplineAt> along;
  for (int i = 0; i < count; ++i) along.push_back(spline_at(first + i, size, intervals));
  return along;
}

}  // namespace

SkyMesh sky_mesh(int width, int height) {
  const int longer = std::max(width, height);
  const int most = std::clamp(longer / kSmallestIntervalPx, 1, kMostIntervals);
  const auto intervals = [&](int size) { return std::max(1, (2 * size * most + longer) / (2 * longer)); };
  return {width, height, intervals(width), intervals(height)};
}

SplineAt spline_at(double x, int size, int intervals) {
  const double u = (x + 0.5) / size * intervals;
  const int i = std::clamp(static_cast<int>(u), 0, intervals - 1);
  const double t = u - i;
  return {i, {0.5 * (1 - t) * (1 - t), 0.5 + t * (1 - t), 0.5 * t * t}};
}

Plane<double> surface_in(const std::vector<double>& coefficients, const SkyMesh& mesh, const Box& box) {
  const auto across = splines_along(box.x0, box.w, mesh.width, mesh.across);
  Plane<double> surface(box.w, box.h);
  std::vector<double> columns(static_cast<std::size_t>(mesh.columns()));
  for (int y = 0; y < box.h; ++y) {
    const SplineAt at = spline_at(box.y0 + y, mesh.height, mesh.down);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const double* c = coefficients.data() + static_cast<std::size_t>(at.first) * columns.size() + i;
      columns[i] = at.value[0] * c[0] + at.value[1] * c[columns.size()] + at.value[2] * c[2 * columns.size()];
    }
    double* row = surface.row(y);
    for (int x = 0; x < box.w; ++x) {
      const SplineAt& s = across[static_cast<std::size_t>(x)];
      const double* c = columns.data() + s.first;
      row[x] = s.value[0] * c[0] + s.value[1] * c[1] + s.value[2] * c[2];
    }
  }
  return surface;
}

}  // namespace tilecompile
