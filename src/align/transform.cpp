#include "tilecompile/align/transform.hpp"

#include <cmath>

namespace tilecompile {
namespace {

constexpr const char* kNames[kTransformModels] = {"shift",      "similarity", "affine",
                                                  "homography", "quadratic",  "cubic"};
constexpr int kParameters[kTransformModels] = {2, 4, 6, 8, 12, 20};
constexpr int kMostSteps = 20;
constexpr double kSettled_px = 1e-6;

double power_sum(const std::array<double, 4>& c, double p) {
  return ((c[3] * p + c[2]) * p + c[1]) * p + c[0];
}
double slope(const std::array<double, 4>& c, double p) { return (3 * c[3] * p + 2 * c[2]) * p + c[1]; }
double power_sum(const std::array<double, 3>& c, double p) { return (c[2] * p + c[1]) * p + c[0]; }

std::array<double, 4> along_row(const std::array<double, 10>& k, double q) {
  return {((k[9] * q + k[5]) * q + k[2]) * q + k[0], (k[8] * q + k[4]) * q + k[1], k[7] * q + k[3], k[6]};
}
std::array<double, 3> across_row(const std::array<double, 10>& k, double q) {
  return {(3 * k[9] * q + 2 * k[5]) * q + k[2], 2 * k[8] * q + k[4], k[7]};
}

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

RowTransform::RowTransform(const Transform& t, double y)
    : t_(t),
      q_((y - t.centre_y) / t.scale),
      u_(along_row(t.u, q_)),
      v_(along_row(t.v, q_)),
      uq_(across_row(t.u, q_)),
      vq_(across_row(t.v, q_)),
      below_(1 + t.h * q_) {}

Point RowTransform::at(double x) const {
  const double p = (x - t_.centre_x) / t_.scale;
  const double below = t_.g * p + below_;
  return {power_sum(u_, p) / below, power_sum(v_, p) / below};
}

double RowTransform::area_at(double x) const {
  const double p = (x - t_.centre_x) / t_.scale;
  const double below = t_.g * p + below_;
  const double u = power_sum(u_, p) / below, v = power_sum(v_, p) / below;
  const double up = slope(u_, p) - u * t_.g, vp = slope(v_, p) - v * t_.g;
  const double uq = power_sum(uq_, p) - u * t_.h, vq = power_sum(vq_, p) - v * t_.h;
  const double unit = below * t_.scale;
  return (up * vq - uq * vp) / (unit * unit);
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
