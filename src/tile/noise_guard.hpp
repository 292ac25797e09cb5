#pragma once
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// What the noise guard makes of two means of a tile: N + s (R - N) + c, R the sharp mean, N the quiet one.
struct GuardedStars {
  Plane<double> sharp_share;     ///< s in [0, 1]
  Plane<double> light_left_out;  ///< c, in the units of the means
};

/// Finds the stars that are sharper in the sharp mean (`methodology.md` 9.5, made narrower). D = sharp -
/// quiet and the quiet mean are each brought to the size of a star, by a Gaussian of g = max(1 px, 0.3 F)
/// less one of 2.5 g, F = `seeing_px`. A pixel speaks for the sharp mean where D so filtered, over its own
/// robust sd, is above `low` (all: `high`, smoothstep between) and at least half of its largest value within
/// F, this at least 1.5 times as far above 0 as the lowest within 1.5 F is below, and the quiet mean so
/// filtered above 0. It takes a disc with it, whole up to 0.8 and fading until 1.3 times `reach_fwhm` F (at
/// least 1 px); the largest share counts. Dark structure and its rims never open the guard. What the discs
/// cut off of a star is light that R has elsewhere than N. So that the flux is that of R, it comes back
/// without its grain: c = (m (1 - s) D) smoothed by a Gaussian of F (at least 1 px), m the largest share of
/// discs around the peaks that speak, whole up to 3.5 F and fading until 5.5 F.
/// Pixels without a value count as D = 0, and as the median of the quiet mean. "Within" is a square, rounded
/// to whole pixels, at least 1.
GuardedStars guard_stars(const Plane<float>& sharp, const Plane<float>& quiet, const NoiseGuardParams& params,
                         double seeing_px);

}  // namespace tilecompile
