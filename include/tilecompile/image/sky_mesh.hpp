#pragma once
#include <array>
#include <cstddef>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Geometry of a smooth surface over an image: quadratic B-splines over `across` x `down` equal intervals,
/// which reach from border to border. A surface has (across + 2) x (down + 2) coefficients, row by row.
struct SkyMesh {
  int width = 0, height = 0;  ///< of the image, px
  int across = 1, down = 1;   ///< intervals

  int columns() const { return across + 2; }
  int rows() const { return down + 2; }
  std::size_t size() const { return static_cast<std::size_t>(columns()) * static_cast<std::size_t>(rows()); }
};

/// The mesh of an image: intervals of 1/8 of the longer side, but not below 64 px.
SkyMesh sky_mesh(int width, int height);

/// The three splines that are not 0 at one place of an axis: the first one's number and their values, whose
/// sum is 1.
struct SplineAt {
  int first = 0;
  std::array<double, 3> value{};
};

/// At the place `x` px (centre of the first pixel: 0) of an axis of `size` px with `intervals`.
SplineAt spline_at(double x, int size, int intervals);

/// Surfaces at the pixels of one box: what they have in common is worked out once.
class SurfaceBox {
 public:
  SurfaceBox(const SkyMesh& mesh, const Box& box);
  /// Row `y` of the box, `box.w` values.
  void row(const std::vector<double>& coefficients, int y, double* out) const;
  const Box& box() const { return box_; }

 private:
  /// Columns begin .. end-1 of the box lie in one interval.
  struct Run {
    int begin, end, first;
  };
  SkyMesh mesh_;
  Box box_;
  std::array<std::vector<double>, 3> value_;  // of the three splines, [column]
  std::vector<Run> runs_;
};

/// The surface at the pixels of `box`, row by row.
Plane<double> surface_in(const std::vector<double>& coefficients, const SkyMesh& mesh, const Box& box);

}  // namespace tilecompile
