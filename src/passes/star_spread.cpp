#include "tilecompile/passes/star_spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/frame/flux_scale.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kFewestBright = 5, kMostBright = 30;
constexpr double kRadius = 4, kInner = 5, kOuter = 7;  // of wide apertures, in units of the FWHM
constexpr double kWidestOfReference = 1.5;
constexpr double kLeastFactor = 1.15;  // less is a change of the seeing's shape, or neighbours
constexpr double kCertainErrors = 3;
constexpr double kErrorOfMedian = 1.2533;  // in robust sd / sqrt(n)
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double scale_of(double fwhm_px, double reference_fwhm_px) {
  return std::clamp(fwhm_px, reference_fwhm_px, kWidestOfReference * reference_fwhm_px);
}

double median_or_none(std::vector<double> values) {
  return values.size() < kFewestBright ? kNone : median(std::move(values));
}

}  // namespace

WideLight wide_light(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars, double scale_px,
                     RingSky ring) {
  WideLight light;
  for (std::size_t i = 0; i < std::min(stars.size(), kMostBright); ++i) {
    const ApertureFlux star = aperture_flux(image, stars[i].x, stars[i].y, kRadius * scale_px,
                                            kInner * scale_px, kOuter * scale_px, ring, true);
    const bool measured = star.measured && star.flux > 0 && star.squares > 0;
    light.flux.push_back(measured ? star.flux : kNone);
    light.squares.push_back(measured ? star.squares : kNone);
  }
  return light;
}

double wide_radius_px(double fwhm_px, double reference_fwhm_px) {
  return kRadius * scale_of(fwhm_px, reference_fwhm_px);
}

StarLight star_light(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars, double fwhm_px,
                     double reference_fwhm_px, RingSky ring) {
  WideLight wide = wide_light(image, stars, scale_of(fwhm_px, reference_fwhm_px), ring);
  return {star_fluxes(image, stars, fwhm_px, ring), std::move(wide.flux), std::move(wide.squares), fwhm_px};
}

StarSpread star_spread(const StarLight& light, const StarLight& reference) {
  std::vector<double> widths, scales;
  for (std::size_t i = 0; i < std::min(light.wide.size(), reference.wide.size()); ++i) {
    const double scale = light.wide[i] / reference.wide[i];
    const double area = scale * scale / (light.squares[i] / reference.squares[i]);
    if (!(area == area)) continue;
    scales.push_back(scale);
    widths.push_back(std::sqrt(area) / (light.fwhm_px / reference.fwhm_px));
  }
  if (widths.size() < kFewestBright) return {kNone, 0, kNone, false};
  const double error = kErrorOfMedian * robust_sd(widths) / std::sqrt(static_cast<double>(widths.size()));
  return {median(std::move(widths)), error, median(std::move(scales)), false};
}

bool is_doubled(const StarSpread& spread) {
  return spread.width > kLeastFactor && spread.width - 1 > kCertainErrors * spread.error;
}

bool is_spread(const StarSpread& spread) {
  return is_doubled(spread) || (spread.elongated && spread.width == spread.width);
}

bool may_be_spread(StarSpread spread) {
  constexpr double kDigits = 1e-6;
  spread.width *= 1 + kDigits;
  spread.error *= 1 - kDigits;
  return is_spread(spread);
}

void make_typical(const std::vector<double>& narrow, std::vector<StarSpread>& spreads, StarLight& reference) {
  std::vector<double> widths, light;
  for (std::size_t f = 0; f < spreads.size(); ++f) {
    if (spreads[f].elongated || !(spreads[f].width == spreads[f].width)) continue;
    widths.push_back(spreads[f].width);
    light.push_back(spreads[f].light / narrow[f]);
  }
  const double width = median_or_none(std::move(widths)), scale = median_or_none(std::move(light));
  if (!(width > 0 && scale > 0)) return;
  for (double& flux : reference.wide) flux *= scale;
  for (double& squares : reference.squares) squares *= (scale / width) * (scale / width);
  for (StarSpread& spread : spreads) {
    spread.width /= width;
    spread.error /= width;
    spread.light /= scale;
  }
}

}  // namespace tilecompile
