#pragma once
#include <cmath>

#include "tilecompile/align/resample.hpp"
#include "tilecompile/align/transform.hpp"

namespace tilecompile {

inline FramePart whole(const Plane<float>& plane) {
  return {plane.view(), {0, 0, plane.width(), plane.height()}, plane.width(), plane.height()};
}

/// A turn about the middle of a width x height image, a stretch, and a bend of some px.
inline Transform turned(double degrees, double width, double height, double bend) {
  const double a = degrees / 57.295779513082323, half = 0.5 * width;
  Transform t;
  t.model = TransformModel::kCubic;
  t.centre_x = half;
  t.centre_y = 0.5 * height;
  t.scale = half;
  t.u = {half + 1.3, half * std::cos(a), -half * std::sin(a), bend, 0, -bend, bend, 0, 0, bend};
  t.v = {0.5 * height - 0.7, half * std::sin(a), half * std::cos(a), 0, bend, 0, 0, bend, 0, 0};
  return t;
}

}  // namespace tilecompile
