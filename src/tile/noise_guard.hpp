#pragma once
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// Share s in [0, 1] of the sharp mean at each pixel (`methodology.md` 9.5, made narrower): D = sharp - quiet
/// and the quiet mean are each brought to the size of a star, by a Gaussian of c = max(1 px, 0.3 F) less one
/// of 2.5 c, F = `seeing_px`. A pixel speaks for the sharp mean where D so filtered, over its own robust sd,
/// is above `low` (all: `high`, smoothstep between) and at least half of its largest value within F, this at
/// least 1.5 times as far above 0 as the lowest within 1.5 F is below, and the quiet mean so filtered above
/// 0.
/// It takes a disc with it, whole up to 0.8 and fading until 1.3 times `reach_fwhm` F (at least 1 px); above
/// 2 times `high` (all: 6 times) 0.45 of its wings too, up to 1.8 and fading until 2.8 times the reach: a
/// difference of stars that is cut off bends their flux. The largest share counts. Dark structure and its
/// rims never open the guard. Pixels without a value count as D = 0, and as the median of the quiet mean.
/// "Within" is a square, rounded to whole pixels, at least 1.
Plane<double> sharp_share(const Plane<float>& sharp, const Plane<float>& quiet,
                          const NoiseGuardParams& params, double seeing_px);

}  // namespace tilecompile
