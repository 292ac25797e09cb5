#include "tilecompile/coadd/quality.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "tilecompile/frame/aperture.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kCellPx = 32;
constexpr double kLowestSnr = 20;
constexpr double kApertureInFwhm = 1.5;

bool inside(const QualityArea& area, const Box& box) {
  const auto& coverage = *area.coverage;
  if (box.x0 < 0 || box.y0 < 0 || box.x1() > coverage.width() || box.y1() > coverage.height()) return false;
  for (int y = box.y0; y < box.y1(); ++y)
    for (int x = box.x0; x < box.x1(); ++x)
      if (coverage.at(x, y) < area.min_coverage) return false;
  return true;
}

struct StarPair {
  double fwhm, classical_fwhm;
  double flux_ratio;  // NaN when an aperture was not measured
};

std::optional<StarPair> measure_pair(const Plane<float>& product, const Plane<float>& classical,
                                     const ReferenceStar& star, const FrameMetrics& metrics,
                                     const QualityArea& area) {
  const int r = metrics.star_radius_px;
  const Box box{static_cast<int>(std::floor(star.x + 0.5)) - r,
                static_cast<int>(std::floor(star.y + 0.5)) - r, 2 * r + 1, 2 * r + 1};
  if (!inside(area, box)) return std::nullopt;
  const StarShape a = measure_star(product.view(), star.x, star.y, r);
  const StarShape b = measure_star(classical.view(), star.x, star.y, r);
  if (!a.measured || !b.measured || a.snr < kLowestSnr || b.snr < kLowestSnr) return std::nullopt;
  const double radius = std::max(2.0, kApertureInFwhm * metrics.seeing_px);
  const auto flux = [&](const Plane<float>& image) {
    return aperture_flux(image.view(), star.x, star.y, radius, 2 * radius, 3 * radius);
  };
  const ApertureFlux fa = flux(product), fb = flux(classical);
  const bool both = fa.measured && fb.measured && fb.flux > 0;
  return StarPair{a.fwhm_px, b.fwhm_px, both ? fa.flux / fb.flux : std::nan("")};
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

double background_rms(const Plane<float>& image, const QualityArea& area) {
  std::vector<double> scales;
  Distribution samples;
  for (int y = 0; y + kCellPx <= image.height(); y += kCellPx)
    for (int x = 0; x + kCellPx <= image.width(); x += kCellPx) {
      const Box cell{x, y, kCellPx, kCellPx};
      if (!inside(area, cell)) continue;
      samples.assign(image.view(cell), 0);
      if (samples.count() > 0) scales.push_back(clip(samples, 0).scale);
    }
  return median(std::move(scales));
}

ProductQuality measure_quality(const Plane<float>& product, const Plane<float>& classical,
                               const FrameMetrics& metrics, const QualityArea& area) {
  std::vector<double> fwhm, classical_fwhm, ratios;
  for (std::size_t i = 0; i < std::min<std::size_t>(metrics.stars.size(), kMostSeeingStars); ++i) {
    const auto pair = measure_pair(product, classical, metrics.stars[i], metrics, area);
    if (!pair) continue;
    fwhm.push_back(pair->fwhm);
    classical_fwhm.push_back(pair->classical_fwhm);
    if (std::isfinite(pair->flux_ratio)) ratios.push_back(pair->flux_ratio);
  }
  ProductQuality q;
  q.background_rms = background_rms(product, area);
  const double classical_rms = background_rms(classical, area);
  q.star_count = static_cast<int>(fwhm.size());
  if (!fwhm.empty()) {
    q.fwhm_px = median(fwhm);
    q.fwhm_p90_px = percentile(fwhm, 0.9);
    q.fwhm_change_percent = 100 * (q.fwhm_px / median(classical_fwhm) - 1);
  }
  if (!ratios.empty()) {
    q.flux_ratio = median(ratios);
    q.flux_scatter_percent = 100 * robust_sd(ratios) / q.flux_ratio;
  }
  if (classical_rms > 0 && q.flux_ratio > 0)
    q.background_rms_change_percent = 100 * (q.background_rms / q.flux_ratio / classical_rms - 1);
  return q;
}

}  // namespace tilecompile
