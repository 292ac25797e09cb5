#pragma once
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

struct ApertureFlux {
  bool measured = false;  ///< false: aperture or annulus leaves the image, or touches an invalid pixel
  double flux = 0;        ///< sum above the local sky, units of the samples
  double sky = 0;         ///< median of the annulus
};

/// Flux inside a circle around (x, y) less the median of the annulus inner_px..outer_px. Pixels on the
/// circle's edge count by the linear ramp radius + 1/2 - distance. Sums row by row in double.
ApertureFlux aperture_flux(const PlaneView<float>& samples, double x, double y, double radius_px,
                           double inner_px, double outer_px);

}  // namespace tilecompile
