#pragma once
#include <limits>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Reference stars of a run and the box they are measured in.
struct StarCatalogue {
  std::vector<ReferenceStar> stars;  ///< brightest first
  double fwhm_px = 0;                ///< median over the stars in the stack; 0 without stars
  int star_radius_px = 8;
};

/// Detects stars on the classical stack with SEP and keeps those with SNR > 10, ellipticity < 0.4, peak below
/// `saturation`, FWHM within a factor of two of the median, and no neighbour within 3 FWHM of comparable flux
/// (`methodology.md` 5). SEP only nominates: centre, FWHM and SNR are measured with our own estimator,
/// centres are rounded to 1/1024 px. An image without stars gives an empty list. Throws ContractError when
/// SEP itself fails.
StarCatalogue detect_reference_stars(const Plane<float>& stack,
                                     double saturation = std::numeric_limits<double>::infinity());

}  // namespace tilecompile
