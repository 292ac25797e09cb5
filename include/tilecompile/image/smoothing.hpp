#pragma once
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Gaussian smoothing with standard deviation `sigma_px` (> 0), separable, cut at 3 sigma, first along rows
/// and then along columns; taps that fall outside the plane are left out and the rest renormalised. Sums run
/// in ascending order of the taps, in double. No NaN may be in `plane`.
Plane<double> gaussian_smooth(Plane<double> plane, double sigma_px);

/// Largest value in the square of half-size `radius_px` around each pixel, as far as it lies in the plane.
Plane<double> maximum_filter(Plane<double> plane, int radius_px);

}  // namespace tilecompile
