#include "tilecompile/detect/reference_stars.hpp"

extern "C" {
#include <sep.h>
}

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kMeshPx = 64;
constexpr double kThresholdSigma = 5;
constexpr int kMinArea = 5;
constexpr double kLowestSnr = 10;
constexpr double kLargestEllipticity = 0.4;
constexpr double kNeighbourInFwhm = 3;
constexpr double kComparableFlux = 0.3;  // a neighbour this bright bends the shape of the star
constexpr double kPositionStep = 1.0 / 1024;

void check(int status, const char* doing) {
  if (status == 0) return;
  constexpr int kNoMemory = 1;  // SEP keeps this name to itself
  if (status == kNoMemory) throw std::bad_alloc();
  char text[61] = {};
  sep_get_errmsg(status, text);
  throw ContractError(std::string("star detection (") + doing + ") failed: " + text);
}

struct Candidate {
  double x, y, flux, size;
};

struct Star {
  ReferenceStar position;
  double fwhm, brightness;
};

// Objects that SEP finds above kThresholdSigma on the background-subtracted stack.
std::vector<Candidate> nominate(const Plane<float>& stack) {
  std::vector<float> data(stack.samples());
  std::vector<unsigned char> mask(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    mask[i] = data[i] != data[i] ? 1 : 0;
    if (mask[i] != 0) data[i] = 0;
  }
  sep_image image{};
  image.data = data.data();
  image.dtype = SEP_TFLOAT;
  image.mask = mask.data();
  image.mdtype = SEP_TBYTE;
  image.w = stack.width();
  image.h = stack.height();
  image.maskthresh = 0.5;
  image.gain = 1;
  sep_bkg* background = nullptr;
  check(sep_background(&image, kMeshPx, kMeshPx, 3, 3, 0.0, &background), "background");
  const std::unique_ptr<sep_bkg, void (*)(sep_bkg*)> background_owner(background, sep_bkg_free);
  check(sep_bkg_subarray(background, data.data(), SEP_TFLOAT), "background subtraction");
  for (std::size_t i = 0; i < data.size(); ++i)
    if (mask[i] != 0) data[i] = 0;
  const float rms = sep_bkg_globalrms(background);
  if (!(rms > 0)) return {};
  float kernel[] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
  sep_catalog* catalogue = nullptr;
  sep_set_extract_pixstack(1000000);
  check(sep_extract(&image, static_cast<float>(kThresholdSigma) * rms, SEP_THRESH_ABS, kMinArea, kernel, 3, 3,
                    SEP_FILTER_CONV, 32, 0.005, 1, 1.0, &catalogue),
        "extraction");
  const std::unique_ptr<sep_catalog, void (*)(sep_catalog*)> catalogue_owner(catalogue, sep_catalog_free);
  std::vector<Candidate> found;
  for (int i = 0; i < catalogue->nobj; ++i) {
    const double a = catalogue->a[i], b = catalogue->b[i];
    found.push_back({catalogue->x[i], catalogue->y[i], catalogue->flux[i], std::sqrt((a * a + b * b) / 2)});
  }
  return found;
}

bool isolated(const Candidate& star, const std::vector<Candidate>& all, double fwhm) {
  const double reach = kNeighbourInFwhm * fwhm;
  return std::none_of(all.begin(), all.end(), [&](const Candidate& other) {
    const double dx = other.x - star.x, dy = other.y - star.y;
    return &other != &star && other.flux > kComparableFlux * star.flux && dx * dx + dy * dy < reach * reach;
  });
}

double on_position_grid(double v) { return std::floor(v / kPositionStep + 0.5) * kPositionStep; }

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
