#include "tilecompile/frame/flux_scale.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kFewestStars = 5;
constexpr double kRadius = 2, kInner = 3, kOuter = 4.5;  // in units of the FWHM

}  // namespace

std::vector<double> star_fluxes(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars,
                                double fwhm_px, RingSky ring) {
  std::vector<double> fluxes;
  const std::size_t n = std::min<std::size_t>(stars.size(), kMostSeeingStars);
  for (std::size_t i = 0; i < n; ++i) {
    const ApertureFlux star = aperture_flux(image, stars[i].x, stars[i].y, kRadius * fwhm_px,
                                            kInner * fwhm_px, kOuter * fwhm_px, ring);
    fluxes.push_back(star.measured && star.flux > 0 ? star.flux : std::nan(""));
  }
  return fluxes;
}

std::optional<double> flux_scale(const std::vector<double>& fluxes, const std::vector<double>& reference) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < fluxes.size() && i < reference.size(); ++i) {
    const double ratio = fluxes[i] / reference[i];
    if (ratio == ratio) ratios.push_back(ratio);
  }
  if (ratios.size() < kFewestStars) return std::nullopt;
  return median(std::move(ratios));
}

}  // namespace tilecompile
