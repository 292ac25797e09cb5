#pragma once
#include <cstddef>
#include <vector>

namespace tilecompile {

constexpr int kMaxStampRadius = 64;  ///< px; larger boxes are cut down to this

constexpr int kStampPad = 8;  ///< doubles that vectors may read behind the last row

/// Square box of samples around a star, row-major, less a first guess of the sky.
struct Stamp {
  int side = 0, radius = 0;     ///< px; side = 2 radius + 1
  std::vector<double> samples;  ///< side x side, and kStampPad more
  std::size_t pixels() const { return samples.size() - kStampPad; }
  double offset = 0;  ///< what was subtracted
  double* row(int y) { return samples.data() + static_cast<std::ptrdiff_t>(y) * side; }
  const double* row(int y) const { return samples.data() + static_cast<std::ptrdiff_t>(y) * side; }
};

/// amplitude * g + sky with g = exp(-(a u^2 + 2 b u v + c v^2) / 2), u and v from the centre (x, y) in the
/// stamp's pixels.
struct Gaussian {
  double x = 0, y = 0, a = 1, b = 0, c = 1, amplitude = 0, sky = 0;
  double determinant() const { return a * c - b * b; }
  double sigma() const;        ///< geometric mean of the two sigmas, px
  double minor_sigma() const;  ///< px
  double major_sigma() const;  ///< px
};

/// Least-squares fit by Gauss-Newton steps, starting from the centre and shape in `g`. (x, y): where the star
/// should be. False when it does not settle, the shape is none a star can have, or the centre leaves (x, y)
/// by more than 2 px; `g` is then of no use.
bool fit_gaussian(const Stamp& stamp, double x, double y, Gaussian& g);

/// Samples less the fitted model, in the stamp's order.
std::vector<double> gaussian_residuals(const Stamp& stamp, const Gaussian& g);

}  // namespace tilecompile
