#include "tilecompile/image/sky_mesh.hpp"

#include <algorithm>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kMostIntervals = 8, kSmallestIntervalPx = 64;

// Three coefficients with their splines at neighbouring pixels.
TILECOMPILE_VECTOR_BODY void blend_body(const double* v0, const double* v1, const double* v2, const double* c,
                                        int n, double* __restrict out) {
  const double c0 = c[0], c1 = c[1], c2 = c[2];
  for (int x = 0; x < n; ++x) out[x] = v0[x] * c0 + v1[x] * c1 + v2[x] * c2;
}
TILECOMPILE_VECTOR_LEVELS(blend,
                          (const double* v0, const double* v1, const double* v2, const double* c, int n,
                           double* out),
                          (v0, v1, v2, c, n, out))

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

SurfaceBox::SurfaceBox(const SkyMesh& mesh, const Box& box) : mesh_(mesh), box_(box) {
  for (int x = 0; x < box.w; ++x) {
    const SplineAt at = spline_at(box.x0 + x, mesh.width, mesh.across);
    for (std::size_t k = 0; k < 3; ++k) value_[k].push_back(at.value[k]);
    if (runs_.empty() || runs_.back().first != at.first) runs_.push_back({x, x, at.first});
    runs_.back().end = x + 1;
  }
}

void SurfaceBox::row(const std::vector<double>& coefficients, int y, double* out) const {
  const auto columns = static_cast<std::size_t>(mesh_.columns());
  const SplineAt at = spline_at(box_.y0 + y, mesh_.height, mesh_.down);
  const double* const from = coefficients.data() + static_cast<std::size_t>(at.first) * columns;
  for (const Run& run : runs_) {
    std::array<double, 3> column;
    for (std::size_t i = 0; i < 3; ++i) {
      const double* c = from + static_cast<std::size_t>(run.first) + i;
      column[i] = at.value[0] * c[0] + at.value[1] * c[columns] + at.value[2] * c[2 * columns];
    }
    blend(value_[0].data() + run.begin, value_[1].data() + run.begin, value_[2].data() + run.begin,
          column.data(), run.end - run.begin, out + run.begin);
  }
}

Plane<double> surface_in(const std::vector<double>& coefficients, const SkyMesh& mesh, const Box& box) {
  const SurfaceBox at(mesh, box);
  Plane<double> surface(box.w, box.h);
  for (int y = 0; y < box.h; ++y) at.row(coefficients, y, surface.row(y));
  return surface;
}

}  // namespace tilecompile
