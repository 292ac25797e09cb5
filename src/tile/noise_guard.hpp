#pragma once
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Share s in [0, 1] of the sharp mean at each pixel (`methodology.md` 9.5): D = sharp - quiet, smoothed with
/// a Gaussian of 1 px, |D| over the robust sd of the smoothed D, largest value within `reach_fwhm` times
/// `seeing_px` (at least 1 px), smoothed again with 1 px; s = smoothstep between `low` and `high`. Pixels
/// without a value count as D = 0.
Plane<double> sharp_share(const Plane<float>& sharp, const Plane<float>& quiet,
                          const NoiseGuardParams& params, double seeing_px);

}  // namespace tilecompile
