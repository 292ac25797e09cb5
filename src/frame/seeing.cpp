#include "tilecompile/frame/seeing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tilecompile/frame/star_shape.hpp"

namespace tilecompile {
namespace {

constexpr double kLowestSnr = 20;
constexpr double kLargestEllipticity = 0.4;
constexpr double kRadiusInFwhm = 2.5;

}  // namespace

std::vector<int> seeing_frames(int frame_count) {
  std::vector<int> frames;
  const int n = std::min(frame_count, kMostSeeingFrames);
  for (int i = 0; i < n; ++i)
    frames.push_back(static_cast<int>(static_cast<std::int64_t>(i) * frame_count / n));
  return frames;
}

std::vector<StarFwhm> star_fwhms(const PlaneView<float>& frame, const std::vector<ReferenceStar>& stars,
                                 int star_radius_px) {
  std::vector<StarFwhm> fwhm;
  const std::size_t n = std::min<std::size_t>(stars.size(), kMostSeeingStars);
  for (std::size_t i = 0; i < n; ++i) {
    const StarShape shape = measure_star(frame, stars[i].x, stars[i].y, star_radius_px);
    if (shape.measured && shape.snr >= kLowestSnr)
      fwhm.push_back({stars[i].x, stars[i].y, shape.fwhm_px, shape.ellipticity >= kLargestEllipticity});
  }
  const auto elongated = [](const StarFwhm& star) { return star.elongated; };
  const auto count = static_cast<std::size_t>(std::count_if(fwhm.begin(), fwhm.end(), elongated));
  const bool trailed = 2 * count > fwhm.size();
  if (!trailed) std::erase_if(fwhm, elongated);
  return fwhm;
}

std::string why_no_seeing(std::size_t stars, double fwhm_px) {
  if (stars >= kFewestReferenceStars && fwhm_px <= kWidestStarPx) return "";
  char found[80] = "no reference star";
  if (stars > 0)
    std::snprintf(found, sizeof found, "%zu reference star%s of %.1f px FWHM", stars, stars == 1 ? "" : "s",
                  fwhm_px);
  char needed[80];
  std::snprintf(needed, sizeof needed, "at least %zu of at most %.0f px are needed", kFewestReferenceStars,
                kWidestStarPx);
  return std::string(found) + " found in the classical stack, " + needed;
}

int star_radius(double fwhm_px) {
  return std::clamp(static_cast<int>(std::ceil(kRadiusInFwhm * fwhm_px)), 4, kLargestStarRadiusPx);
}

}  // namespace tilecompile
