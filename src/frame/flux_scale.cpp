#include "tilecompile/frame/flux_scale.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kFewestStars = 5;
constexpr double kLeastBeside = 1.1;       // less is haze, or neighbours
constexpr double kCertainErrors = 5;       // of the median
constexpr double kErrorOfMedian = 1.2533;  // in robust sd / sqrt(n)

struct Aperture {
  double radius, inner, outer;  // in units of the FWHM
  std::size_t most_stars;
};
constexpr Aperture kNarrow{2, 3, 4.5, kMostSeeingStars}, kWide{4, 5, 7, 30};

std::vector<double> fluxes_in(const Aperture& aperture, const PlaneView<float>& image,
                              const std::vector<ReferenceStar>& stars, double fwhm_px, RingSky ring) {
  std::vector<double> fluxes;
  const std::size_t n = std::min(stars.size(), aperture.most_stars);
  for (std::size_t i = 0; i < n; ++i) {
    const ApertureFlux star = aperture_flux(image, stars[i].x, stars[i].y, aperture.radius * fwhm_px,
                                            aperture.inner * fwhm_px, aperture.outer * fwhm_px, ring);
    fluxes.push_back(star.measured && star.flux > 0 ? star.flux : std::nan(""));
  }
  return fluxes;
}

}  // namespace

std::vector<double> star_fluxes(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars,
                                double fwhm_px, RingSky ring) {
  return fluxes_in(kNarrow, image, stars, fwhm_px, ring);
}

std::vector<double> wide_star_fluxes(const PlaneView<float>& image, const std::vector<ReferenceStar>& stars,
                                     double fwhm_px, RingSky ring) {
  return fluxes_in(kWide, image, stars, fwhm_px, ring);
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

LightBeside light_beside(const std::vector<double>& narrow, const std::vector<double>& wide,
                         const std::vector<double>& reference_narrow,
                         const std::vector<double>& reference_wide) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(wide.size(), reference_wide.size()); ++i) {
    const double ratio = wide[i] / reference_wide[i] / (narrow[i] / reference_narrow[i]);
    if (ratio == ratio) ratios.push_back(ratio);
  }
  if (ratios.size() < kFewestStars) return {std::nan(""), 0};
  const double error = kErrorOfMedian * robust_sd(ratios) / std::sqrt(static_cast<double>(ratios.size()));
  return {median(std::move(ratios)), error};
}

double certain_ratio(const LightBeside& beside) {
  const double least = std::max(kLeastBeside, 1 + kCertainErrors * beside.error);
  return beside.ratio > least ? beside.ratio : 1;
}

double broadening(double beside) { return beside / std::sqrt(1 + (beside - 1) * (beside - 1)); }

}  // namespace tilecompile
