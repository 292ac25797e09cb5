#include "tilecompile/detect/reference_stars.hpp"

#include <algorithm>

#include "candidates.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kLowestSnr = 10;
constexpr double kLargestEllipticity = 0.4;
constexpr double kNeighbourInFwhm = 3;
constexpr double kComparableFlux = 0.3;  // a neighbour this bright bends the shape of the star

struct Star {
  ReferenceStar position;
  double fwhm, brightness;
};

bool isolated(const Candidate& star, const std::vector<Candidate>& all, double fwhm) {
  const double reach = kNeighbourInFwhm * fwhm;
  return std::none_of(all.begin(), all.end(), [&](const Candidate& other) {
    const double dx = other.x - star.x, dy = other.y - star.y;
    return &other != &star && other.flux > kComparableFlux * star.flux && dx * dx + dy * dy < reach * reach;
  });
}

// Median FWHM of the sharply measured candidates, starting from a guess.
double typical_fwhm(const Plane<float>& stack, const std::vector<Candidate>& candidates, double guess) {
  std::vector<double> fwhm;
  for (const Candidate& c : candidates) {
    const StarShape shape = measure_star(stack.view(), c.x, c.y, star_radius(guess));
    if (shape.measured && shape.snr > kLowestSnr && shape.ellipticity < kLargestEllipticity)
      fwhm.push_back(shape.fwhm_px);
  }
  return fwhm.empty() ? guess : median(std::move(fwhm));
}

}  // namespace

StarCatalogue detect_reference_stars(const Plane<float>& stack, double saturation) {
  const std::vector<Candidate> candidates = nominate(stack);
  StarCatalogue result;
  result.star_radius_px = star_radius(kDefaultSeeingPx);
  if (candidates.empty()) return result;
  std::vector<double> sizes;
  for (const Candidate& c : candidates) sizes.push_back(2.3548 * c.size);
  const double fwhm = typical_fwhm(stack, candidates, typical_fwhm(stack, candidates, median(sizes)));
  const int radius = star_radius(fwhm);

  std::vector<Star> stars;
  for (const Candidate& c : candidates) {
    const StarShape shape = measure_star(stack.view(), c.x, c.y, radius);
    const bool good = shape.measured && shape.snr > kLowestSnr && shape.ellipticity < kLargestEllipticity &&
                      shape.sky + shape.peak < saturation && shape.fwhm_px > fwhm / 2 &&
                      shape.fwhm_px < fwhm * 2;
    if (good && isolated(c, candidates, fwhm))
      stars.push_back({{on_position_grid(shape.x), on_position_grid(shape.y)},
                       shape.fwhm_px,
                       shape.peak * shape.fwhm_px * shape.fwhm_px});
  }
  std::sort(stars.begin(), stars.end(), [](const Star& a, const Star& b) {
    if (a.brightness != b.brightness) return a.brightness > b.brightness;
    return a.position.y != b.position.y ? a.position.y < b.position.y : a.position.x < b.position.x;
  });
  std::vector<double> kept_fwhm;
  for (const Star& s : stars) {
    result.stars.push_back(s.position);
    kept_fwhm.push_back(s.fwhm);
  }
  result.fwhm_px = median(kept_fwhm);
  result.star_radius_px = radius;
  return result;
}

}  // namespace tilecompile
