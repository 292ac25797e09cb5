#pragma once
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

struct ApertureFlux {
  bool measured = false;  ///< false: aperture or annulus leaves the image, or touches an invalid pixel
  double flux = 0;        ///< sum above the local sky, units of the samples
  double sky = 0;         ///< of the annulus
  double squares =
      0;  ///< sum of squares above the sky, less what the noise of the annulus gives it; where asked for
};

/// What stands for the sky under a star: the median of the ring around it, or its mean. The median of a sky
/// that is clipped at 0 differs from its mean, so single frames and their mean do not compare by it.
enum class RingSky { kMedian, kMean };

/// Flux inside a circle around (x, y) less the sky of the annulus inner_px..outer_px. Pixels on the
/// circle's edge count by the linear ramp radius + 1/2 - distance. Sums row by row in double. With `squares`
/// also the sum of the squares; its noise is 1.4826 MAD of the annulus, or the rms about its mean.
ApertureFlux aperture_flux(const PlaneView<float>& samples, double x, double y, double radius_px,
                           double inner_px, double outer_px, RingSky ring = RingSky::kMedian,
                           bool squares = false);

}  // namespace tilecompile
