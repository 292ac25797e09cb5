#pragma once
#include <vector>

namespace tilecompile {

/// FWHM of one star at its place in the image, px.
struct StarFwhm {
  double x = 0, y = 0, fwhm_px = 0;
  bool elongated = false;  ///< ellipticity of 0.4 or more
};

/// Smooth robust surface of log FWHM over one frame (`methodology.md` 7, seeing mode): coefficients of
/// 1, X, Y, X^2, X Y, Y^2 with X, Y in -1 .. 1 over the image. All six from 30 stars on, the first three from
/// 12 on, else the mean alone; no star: empty. Least squares, repeated at most five times without the stars
/// further than 3 sd (1.4826 MAD) from it. Sums in the order of `stars`, in double.
std::vector<double> fit_fwhm_surface(const std::vector<StarFwhm>& stars, int width, int height);

/// log FWHM at (x, y). `surface` must not be empty.
double log_fwhm_at(const std::vector<double>& surface, double x, double y, int width, int height);

}  // namespace tilecompile
