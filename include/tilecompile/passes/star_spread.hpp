#pragma once
#include <vector>

#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Light of the reference stars in an image.
struct StarLight {
  std::vector<double> narrow;         ///< star_fluxes
  std::vector<double> wide, squares;  ///< wide_light
  double fwhm_px = 0;                 ///< of the image
};

/// All light of at most the 30 brightest stars, whatever its shape: flux in apertures of 4 `scale_px`, sky
/// between 5 and 7, and sum of the squares there without noise. Both NaN where one is not positive.
struct WideLight {
  std::vector<double> flux, squares;
};
WideLight wide_light(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars, double scale_px,
                     RingSky ring = RingSky::kMedian);

/// Of an image of FWHM `fwhm_px`: the wide apertures by it, but at least by `reference_fwhm_px` and at most
/// by 1.5 times that, so that they hold what trails and second stars have beside the fitted ones.
StarLight star_light(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars, double fwhm_px,
                     double reference_fwhm_px, RingSky ring);

/// Radius of these wide apertures, px.
double wide_radius_px(double fwhm_px, double reference_fwhm_px);

/// How the light of a frame's stars lies beside what was fitted to them.
struct StarSpread {
  double width = 0;  ///< root of the area of the matched filter over what the fitted FWHM says; NaN: unknown
  double error = 0;  ///< standard error of `width`
  double light = 0;  ///< flux scale in wide apertures; NaN: unknown
  bool elongated = false;  ///< most stars are
};

/// Against the reference, medians over the stars that both have; NaN with fewer than 5. The area of the
/// matched filter of a star is flux^2 / sum of squares.
StarSpread star_spread(const StarLight& light, const StarLight& reference);

/// Whether a second star stands beside each, from wind or a jump of the guiding: the matched filter is wider
/// than fitted by a factor of 1.15 and by 3 standard errors.
bool is_doubled(const StarSpread& spread);
/// Whether the fitted FWHM is not that of the matched filter: a doubled frame, or an elongated one, of which
/// the product of the fitted axes says too much.
bool is_spread(const StarSpread& spread);
/// Whether it is, or would be with other last digits.
bool may_be_spread(StarSpread spread);

/// Makes the light of the reference that of most frames, which have neither its spread nor its errors: over
/// the frames the median `width` becomes 1, and that of `light` / `narrow`. `narrow[f]`: flux scale of frame
/// f in narrow apertures. Elongated frames do not count. Changes `spreads` likewise.
void make_typical(const std::vector<double>& narrow, std::vector<StarSpread>& spreads, StarLight& reference);

}  // namespace tilecompile
