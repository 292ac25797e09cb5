#pragma once
#include <optional>
#include <vector>

#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Aperture fluxes of the stars (at most 500, brightest first) in an image of this FWHM: radius 2 FWHM, local
/// sky between 3 and 4.5 FWHM, so that images of different seeing lose the same share of light. NaN for a
/// star that was not measured or is not positive. `ring` is to be the same for all that are compared.
std::vector<double> star_fluxes(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars,
                                double fwhm_px, RingSky ring = RingSky::kMedian);

/// phi (`methodology.md` 3): median over the stars of flux / reference flux. Nothing with fewer than 5 stars.
std::optional<double> flux_scale(const std::vector<double>& fluxes, const std::vector<double>& reference);

}  // namespace tilecompile
