#include "tilecompile/coadd/quality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/smoothing.hpp"

namespace tilecompile {
namespace {

constexpr int kCellPx = 32;
constexpr double kLowestSnr = 20;
constexpr int kFewestSkyPixels = 256;
constexpr double kNearApertureInFwhm = 1.5;
constexpr double kWideApertureInFwhm = 4, kRingFromInFwhm = 5, kRingToInFwhm = 7;
constexpr std::size_t kFewestFluxStars = 5;
constexpr std::size_t kFewestValues = 3;
constexpr double kErrorOfMedian = 1.2533;  // of normal numbers, times sqrt(n) over their sd
constexpr double kErrors = 2;              // in an uncertainty
constexpr double kObjectSigma = 3;
constexpr int kLeastMeshPx = 64;
constexpr double kMeshInFwhm = 16;
constexpr double kSigmasInFwhm = 2.3548200450309493;

bool inside(const QualityArea& area, const Box& box) {
  const auto& coverage = *area.coverage;
  if (box.x0 < 0 || box.y0 < 0 || box.x1() > coverage.width() || box.y1() > coverage.height()) return false;
  for (int y = box.y0; y < box.y1(); ++y)
    for (int x = box.x0; x < box.x1(); ++x)
      if (coverage.at(x, y) < area.min_coverage) return false;
  return true;
}

struct StarPair {
  double fwhm, plain_fwhm;
  double flux_ratio, near_flux_ratio;  // NaN when an aperture was not measured
};

double flux_inside(const Plane<float>& picture, const ReferenceStar& star, double radius, double inner,
                   double outer) {
  const ApertureFlux light = aperture_flux(picture.view(), star.x, star.y, radius, inner, outer);
  return light.measured ? light.flux : std::nan("");
}

// A narrow aperture holds more of a sharper star; a wide one holds all of both.
PictureFigures::Star measure_one(const Plane<float>& picture, const ReferenceStar& star,
                                 const FrameMetrics& metrics) {
  const StarShape shape = measure_star(picture.view(), star.x, star.y, metrics.star_radius_px);
  if (!shape.measured || shape.snr < kLowestSnr) return {};
  const double seeing = metrics.seeing_px, near = std::max(2.0, kNearApertureInFwhm * seeing);
  return {shape.fwhm_px,
          flux_inside(picture, star, kWideApertureInFwhm * seeing, kRingFromInFwhm * seeing,
                      kRingToInFwhm * seeing),
          flux_inside(picture, star, near, 2 * near, 3 * near)};
}

double ratio_of(double flux, double plain) { return plain > 0 ? flux / plain : std::nan(""); }

std::optional<StarPair> pair_of(const PictureFigures::Star& product, const PictureFigures::Star& plain,
                                const ReferenceStar& star, int radius, const QualityArea& area) {
  const Box box{static_cast<int>(std::floor(star.x + 0.5)) - radius,
                static_cast<int>(std::floor(star.y + 0.5)) - radius, 2 * radius + 1, 2 * radius + 1};
  if (!(product.fwhm_px > 0) || !(plain.fwhm_px > 0) || !inside(area, box)) return std::nullopt;
  return StarPair{product.fwhm_px, plain.fwhm_px, ratio_of(product.wide_flux, plain.wide_flux),
                  ratio_of(product.near_flux, plain.near_flux)};
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

double median_of(const Plane<float>& image) {
  Distribution samples;
  samples.assign(image.view(), 0);
  return samples.median();
}

// Smoothed over what is there; NaN where nothing is.
Plane<float> smoothed(const Plane<float>& image, double sigma_px) {
  const double level = median_of(image);
  Plane<double> values(image.width(), image.height());
  bool whole = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float v = image.samples()[i];
    values.samples()[i] = v == v ? v - level : 0;
    whole = whole && v == v;
  }
  Plane<double> sums = gaussian_smooth(std::move(values), sigma_px), weights;
  if (!whole) {  // else the mean of so many ones, which is 1
    weights = Plane<double>(image.width(), image.height());
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights.samples()[i] = image.samples()[i] == image.samples()[i] ? 1 : 0;
    weights = gaussian_smooth(std::move(weights), sigma_px);
    for (std::size_t i = 0; i < sums.size(); ++i) sums.samples()[i] /= weights.samples()[i];
  }
  Plane<float> smooth = image;
  for (std::size_t i = 0; i < smooth.size(); ++i)
    if (smooth.samples()[i] == smooth.samples()[i])
      smooth.samples()[i] = static_cast<float>(sums.samples()[i]);
  return smooth;
}

}  // namespace

double median_uncertainty(const std::vector<double>& values) {
  if (values.size() < kFewestValues) return std::nan("");
  return kErrors * kErrorOfMedian * robust_sd(values) / std::sqrt(static_cast<double>(values.size()));
}

Plane<std::uint8_t> sky_mask(const Plane<float>& plain_mean, double seeing_px) {
  const int width = plain_mean.width(), height = plain_mean.height();
  const Plane<float> smooth = smoothed(plain_mean, seeing_px / kSigmasInFwhm);
  Distribution samples;
  const int mesh = std::max(kLeastMeshPx, static_cast<int>(std::ceil(kMeshInFwhm * seeing_px)));
  Plane<double> objects(width, height);
  for (int y0 = 0; y0 < height; y0 += mesh)
    for (int x0 = 0; x0 < width; x0 += mesh) {
      const Box square{x0, y0, std::min(mesh, width - x0), std::min(mesh, height - y0)};
      samples.assign(smooth.view(square), 0);
      const Clipped sky = clip(samples, 0);
      for (int y = square.y0; y < square.y1(); ++y)
        for (int x = square.x0; x < square.x1(); ++x)
          objects.at(x, y) = smooth.at(x, y) - sky.location > kObjectSigma * sky.scale ? 1 : 0;
    }
  objects = maximum_filter(std::move(objects), static_cast<int>(std::ceil(seeing_px)));
  Plane<std::uint8_t> mask(width, height);
  for (std::size_t i = 0; i < mask.size(); ++i)
    mask.samples()[i] = smooth.samples()[i] == smooth.samples()[i] && objects.samples()[i] == 0 ? 1 : 0;
  return mask;
}

std::vector<double> sky_noise(const Plane<float>& image, const Plane<std::uint8_t>& sky) {
  std::vector<double> scales;
  Distribution samples;
  Plane<float> of_cell(kCellPx, kCellPx);
  for (int y0 = 0; y0 + kCellPx <= image.height(); y0 += kCellPx)
    for (int x0 = 0; x0 + kCellPx <= image.width(); x0 += kCellPx) {
      int count = 0;
      for (int y = 0; y < kCellPx; ++y)
        for (int x = 0; x < kCellPx; ++x) {
          const bool is_sky = sky.at(x0 + x, y0 + y) != 0;
          of_cell.at(x, y) = is_sky ? image.at(x0 + x, y0 + y) : std::numeric_limits<float>::quiet_NaN();
          count += is_sky ? 1 : 0;
        }
      double scale = std::nan("");
      if (count >= kFewestSkyPixels) {
        samples.assign(of_cell.view(), 0);
        scale = clip(samples, 0).scale;
      }
      scales.push_back(scale);
    }
  return scales;
}

PictureFigures measure_picture(const Plane<float>& picture, const Plane<std::uint8_t>& sky,
                               const FrameMetrics& metrics) {
  PictureFigures figures;
  for (std::size_t i = 0; i < std::min<std::size_t>(metrics.stars.size(), kMostSeeingStars); ++i)
    figures.stars.push_back(measure_one(picture, metrics.stars[i], metrics));
  figures.noise = sky_noise(picture, sky);
  return figures;
}

namespace {

// Figures of the stars. Returns the uncertainty of the flux ratio over the ratio.
double measure_stars(const std::vector<StarPair>& pairs, ProductQuality& q) {
  std::vector<double> fwhm, plain_fwhm, fwhm_ratios, ratios, near_ratios;
  for (const StarPair& pair : pairs) {
    fwhm.push_back(pair.fwhm);
    plain_fwhm.push_back(pair.plain_fwhm);
    fwhm_ratios.push_back(pair.fwhm / pair.plain_fwhm);
    if (std::isfinite(pair.flux_ratio)) ratios.push_back(pair.flux_ratio);
    if (std::isfinite(pair.near_flux_ratio)) near_ratios.push_back(pair.near_flux_ratio);
  }
  q.star_count = static_cast<int>(pairs.size());
  q.fwhm_change_uncertainty_percent = 100 * median_uncertainty(fwhm_ratios);
  if (!pairs.empty()) {
    q.fwhm_px = median(fwhm);
    q.fwhm_p90_px = percentile(fwhm, 0.9);
    q.plain_fwhm_px = median(plain_fwhm);
    q.fwhm_change_percent = 100 * (q.fwhm_px / q.plain_fwhm_px - 1);
  }
  if (!near_ratios.empty()) q.flux_scatter_percent = 100 * robust_sd(near_ratios) / median(near_ratios);
  if (ratios.size() < kFewestValues) return 0;
  // Stars stand in the order of their brightness; faint ones would only add noise.
  const std::size_t brighter_half = std::max(kFewestFluxStars, (ratios.size() + 1) / 2);
  ratios.resize(std::min(ratios.size(), brighter_half));
  q.flux_star_count = static_cast<int>(ratios.size());
  q.flux_ratio = median(ratios);
  return median_uncertainty(ratios) / q.flux_ratio;
}

// Figures of the sky, from its noise in the same cells of both pictures.
void measure_sky(const std::vector<double>& noise, const std::vector<double>& plain_noise,
                 double flux_uncertainty, ProductQuality& q) {
  q.sky_cell_count = static_cast<int>(noise.size());
  q.background_rms = median(noise);
  q.equal_flux_rms = q.flux_ratio > 0 ? q.background_rms / q.flux_ratio : q.background_rms;
  q.background_rms_change_uncertainty_percent = std::nan("");
  q.plain_rms = median(plain_noise);
  if (!(q.plain_rms > 0) || !(q.flux_ratio > 0)) return;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < noise.size(); ++i)
    if (plain_noise[i] > 0) ratios.push_back(noise[i] / plain_noise[i]);
  const double ratio = q.equal_flux_rms / q.plain_rms;
  const double of_cells = median_uncertainty(ratios) / median(ratios);
  q.background_rms_change_percent = 100 * (ratio - 1);
  q.background_rms_change_uncertainty_percent =
      100 * ratio * std::sqrt(of_cells * of_cells + flux_uncertainty * flux_uncertainty);
}

}  // namespace

ProductQuality compare_figures(const PictureFigures& product, const PictureFigures& plain_mean,
                               const FrameMetrics& metrics, const QualityArea& area) {
  std::vector<StarPair> pairs;
  for (std::size_t i = 0; i < product.stars.size(); ++i)
    if (const auto pair =
            pair_of(product.stars[i], plain_mean.stars[i], metrics.stars[i], metrics.star_radius_px, area))
      pairs.push_back(*pair);
  std::vector<double> noise, plain_noise;
  const int columns = area.coverage->width() / kCellPx;
  for (std::size_t i = 0; i < product.noise.size(); ++i) {
    const int cell = static_cast<int>(i);
    const Box box{cell % columns * kCellPx, cell / columns * kCellPx, kCellPx, kCellPx};
    if (std::isnan(product.noise[i]) || !inside(area, box)) continue;
    noise.push_back(product.noise[i]);
    plain_noise.push_back(plain_mean.noise[i]);
  }
  ProductQuality q;
  const double flux_uncertainty = measure_stars(pairs, q);
  measure_sky(noise, plain_noise, flux_uncertainty, q);
  return q;
}

}  // namespace tilecompile
