#include "tilecompile/detect/frame_stars.hpp"

#include <algorithm>

#include "candidates.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostTried = 150, kMostMeasured = 1200;
constexpr double kPoorEllipticity = 0.5;
constexpr double kSharpest = 0.6;  // of the median FWHM
constexpr double kFwhmPerSigma = 2.3548;

bool brighter(const Candidate& a, const Candidate& b) {
  if (a.flux != b.flux) return a.flux > b.flux;
  return a.y != b.y ? a.y < b.y : a.x < b.x;
}

double median_fwhm(const Plane<float>& frame, const std::vector<Candidate>& candidates, double guess) {
  std::vector<double> fwhm;
  for (std::size_t i = 0; i < std::min(candidates.size(), kMostTried); ++i) {
    const StarShape shape = measure_star(frame.view(), candidates[i].x, candidates[i].y, star_radius(guess));
    if (shape.measured && shape.ellipticity < kPoorEllipticity) fwhm.push_back(shape.fwhm_px);
  }
  return fwhm.empty() ? guess : median(std::move(fwhm));
}

}  // namespace

FrameStars detect_frame_stars(const Plane<float>& frame, double saturation) {
  FrameStars result;
  result.width = frame.width();
  result.height = frame.height();
  std::vector<Candidate> candidates = nominate(frame);
  if (candidates.empty()) return result;
  std::sort(candidates.begin(), candidates.end(), brighter);
  std::vector<double> sizes;
  for (const Candidate& c : candidates) sizes.push_back(kFwhmPerSigma * c.size);
  const double typical = median_fwhm(frame, candidates, median_fwhm(frame, candidates, median(sizes)));
  std::vector<FrameStar> stars;
  std::vector<double> fwhm;
  for (std::size_t i = 0; i < std::min(candidates.size(), kMostMeasured); ++i) {
    const StarShape s = measure_star(frame.view(), candidates[i].x, candidates[i].y, star_radius(typical));
    if (!s.measured || s.fwhm_px < kSharpest * typical) continue;
    const bool poor = s.ellipticity >= kPoorEllipticity || !(s.sky + s.peak < saturation);
    stars.push_back({on_position_grid(s.x), on_position_grid(s.y), s.peak * s.fwhm_px * s.fwhm_px, s.fwhm_px,
                     s.snr, poor});
    if (!poor) fwhm.push_back(s.fwhm_px);
  }
  result.found = static_cast<int>(fwhm.size());
  result.fwhm_px = median(std::move(fwhm));
  result.chosen = choose_stars(std::move(stars), frame.width(), frame.height());
  return result;
}

}  // namespace tilecompile
