#include "tilecompile/align/transform.hpp"

#include <cmath>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr const char* kNames[kTransformModels] = {"shift",      "similarity", "affine",
                                                  "homography", "quadratic",  "cubic"};
constexpr int kParameters[kTransformModels] = {2, 4, 6, 8, 12, 20};
constexpr int kMostSteps = 20;
constexpr double kSettled_px = 1e-6;

[[gnu::always_inline]] inline double power_sum(const double (&c)[4], double p) {
  return ((c[3] * p + c[2]) * p + c[1]) * p + c[0];
}
[[gnu::always_inline]] inline double slope(const double (&c)[4], double p) {
  return (3 * c[3] * p + 2 * c[2]) * p + c[1];
}
[[gnu::always_inline]] inline double power_sum(const double (&c)[3], double p) {
  return (c[2] * p + c[1]) * p + c[0];
}

// The place and the source area of the column p.
template <bool kDivided>
[[gnu::always_inline]] inline void carry_one(const RowPolynomials& r, double p, double& u, double& v,
                                             double& area) {
  u = power_sum(r.u, p);
  v = power_sum(r.v, p);
  double up = slope(r.u, p), vp = slope(r.v, p), uq = power_sum(r.uq, p), vq = power_sum(r.vq, p);
  double unit = r.scale;
  if constexpr (kDivided) {
    const double below = r.g * p + r.below;
    u /= below;
    v /= below;
    up -= u * r.g;
    vp -= v * r.g;
    uq -= u * r.h;
    vq -= v * r.h;
    unit = below * r.scale;
  }
  area = (up * vq - uq * vp) / (unit * unit);
}

void along_row(const std::array<double, 10>& k, double q, double (&by_p)[4]) {
  by_p[0] = ((k[9] * q + k[5]) * q + k[2]) * q + k[0];
  by_p[1] = (k[8] * q + k[4]) * q + k[1];
  by_p[2] = k[7] * q + k[3];
  by_p[3] = k[6];
}
void across_row(const std::array<double, 10>& k, double q, double (&by_p)[3]) {
  by_p[0] = (3 * k[9] * q + 2 * k[5]) * q + k[2];
  by_p[1] = 2 * k[8] * q + k[4];
  by_p[2] = k[7];
}

TILECOMPILE_VECTOR_BODY void carry_row_body(const RowPolynomials& row, const double* __restrict p, int n,
                                            double* __restrict u, double* __restrict v,
                                            double* __restrict area) {
  const RowPolynomials r = row;
  for (int k = 0; k < n; ++k) carry_one<true>(r, p[k], u[k], v[k], area[k]);
}
TILECOMPILE_VECTOR_LEVELS(carry_row,
                          (const RowPolynomials& row, const double* p, int n, double* u, double* v,
                           double* area),
                          (row, p, n, u, v, area))

// Without a denominator: what is divided by 1 keeps its bits.
TILECOMPILE_VECTOR_BODY void carry_plain_row_body(const RowPolynomials& row, const double* __restrict p,
                                                  int n, double* __restrict u, double* __restrict v,
                                                  double* __restrict area) {
  const RowPolynomials r = row;
  for (int k = 0; k < n; ++k) carry_one<false>(r, p[k], u[k], v[k], area[k]);
}
TILECOMPILE_VECTOR_LEVELS(carry_plain_row,
                          (const RowPolynomials& row, const double* p, int n, double* u, double* v,
                           double* area),
                          (row, p, n, u, v, area))

// Derivatives of (u, v) by (x, y).
struct Slopes {
  double ux, uy, vx, vy;
};

// By differences of 1/2 px to both sides: exact for quadratic maps, and good enough for Newton's steps.
Slopes slopes_at(const Transform& t, Point at) {
  const Point left = map(t, {at.x - 0.5, at.y}), right = map(t, {at.x + 0.5, at.y});
  const Point above = map(t, {at.x, at.y - 0.5}), below = map(t, {at.x, at.y + 0.5});
  return {right.x - left.x, below.x - above.x, right.y - left.y, below.y - above.y};
}

}  // namespace

const char* model_name(TransformModel model) { return kNames[static_cast<int>(model)]; }

std::optional<TransformModel> model_from_name(std::string_view name) {
  for (int i = 0; i < kTransformModels; ++i)
    if (name == kNames[i]) return static_cast<TransformModel>(i);
  return std::nullopt;
}

int parameters_of(TransformModel model) { return kParameters[static_cast<int>(model)]; }

RowTransform::RowTransform(const Transform& t, double y) : centre_x_(t.centre_x) {
  const double q = (y - t.centre_y) / t.scale;
  along_row(t.u, q, sums_.u);
  along_row(t.v, q, sums_.v);
  across_row(t.u, q, sums_.uq);
  across_row(t.v, q, sums_.vq);
  sums_.g = t.g;
  sums_.h = t.h;
  sums_.below = 1 + t.h * q;
  sums_.scale = t.scale;
}

Point RowTransform::at(double x) const {
  const double p = scaled(x), below = sums_.g * p + sums_.below;
  return {power_sum(sums_.u, p) / below, power_sum(sums_.v, p) / below};
}

double RowTransform::area_at(double x) const {
  double u, v, area;
  carry_one<true>(sums_, scaled(x), u, v, area);
  return area;
}

void RowTransform::carry(const double* p, int n, double* u, double* v, double* area) const {
  if (sums_.g == 0 && sums_.h == 0)
    carry_plain_row(sums_, p, n, u, v, area);
  else
    carry_row(sums_, p, n, u, v, area);
}

Point map(const Transform& t, Point reference) { return RowTransform(t, reference.y).at(reference.x); }

double area(const Transform& t, Point reference) { return RowTransform(t, reference.y).area_at(reference.x); }

std::optional<Point> unmap(const Transform& t, Point in_frame) {
  Point at{t.centre_x, t.centre_y};
  for (int step = 0; step < kMostSteps; ++step) {
    const Point now = map(t, at);
    const double du = in_frame.x - now.x, dv = in_frame.y - now.y;
    if (std::sqrt(du * du + dv * dv) < kSettled_px) return at;
    const Slopes s = slopes_at(t, at);
    const double determinant = s.ux * s.vy - s.uy * s.vx;
    if (!(std::abs(determinant) > 1e-6)) return std::nullopt;
    at.x += (s.vy * du - s.uy * dv) / determinant;
    at.y += (s.ux * dv - s.vx * du) / determinant;
  }
  return std::nullopt;
}

Transform shift_transform(double dx, double dy) {
  Transform t;
  t.u[0] = dx;
  t.v[0] = dy;
  t.u[1] = t.v[2] = 1;
  return t;
}

TransformFigures figures_of(const Transform& t, Point centre) {
  const Point at = map(t, centre);
  const Slopes s = slopes_at(t, centre);
  constexpr double kDegrees = 57.295779513082323;
  return {std::sqrt(std::abs(s.ux * s.vy - s.uy * s.vx)), kDegrees * std::atan2(s.vx - s.uy, s.ux + s.vy),
          at.x - centre.x, at.y - centre.y};
}

}  // namespace tilecompile
