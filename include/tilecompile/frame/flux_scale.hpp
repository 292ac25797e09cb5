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

/// The same for at most the 30 brightest stars, all of their light: radius 4 FWHM, sky between 5 and 7 FWHM.
std::vector<double> wide_star_fluxes(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars,
                                     double fwhm_px, RingSky ring = RingSky::kMedian);

/// phi (`methodology.md` 3): median over the stars of flux / reference flux. Nothing with fewer than 5 stars.
std::optional<double> flux_scale(const std::vector<double>& fluxes, const std::vector<double>& reference);

/// Light of a frame's stars over what narrow apertures hold of it, against the same of the reference: median
/// over the stars of (wide / reference wide) / (narrow / reference narrow), and its standard error. NaN with
/// fewer than 5 stars.
struct LightBeside {
  double ratio = 0, error = 0;
};
LightBeside light_beside(const std::vector<double>& narrow, const std::vector<double>& wide,
                         const std::vector<double>& reference_narrow,
                         const std::vector<double>& reference_wide);

/// The ratio where it is certain, else 1: above 1.1, and above 1 by 5 standard errors. Then wind or a jump of
/// the guiding has put a second star beside each.
double certain_ratio(const LightBeside& beside);

/// Root of the area of the matched filter of a star with a share 1 - 1 / beside of its light in another
/// place, over that of the star alone: beside / sqrt(1 + (beside - 1)^2).
double broadening(double beside);

}  // namespace tilecompile
