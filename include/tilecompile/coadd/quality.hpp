#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Where a figure is taken: pixels covered by at least this many frames.
struct QualityArea {
  const Plane<std::int32_t>* coverage = nullptr;
  int min_coverage = 1;
};

/// Figures of one channel of a product next to the classical stack, on the same stars (`methodology.md` 12).
struct ProductQuality {
  int star_count = 0;                        ///< stars measured in both; 0: the star figures are 0
  double fwhm_px = 0;                        ///< median over the stars
  double fwhm_p90_px = 0;                    ///< 90th percentile
  double fwhm_change_percent = 0;            ///< median FWHM against the classical stack's
  double background_rms = 0;                 ///< median over 32 x 32 px cells of the clipped scale
  double flux_ratio = 1;                     ///< median star flux over the classical stack's
  double background_rms_change_percent = 0;  ///< at equal star flux
  double flux_scatter_percent = 0;           ///< robust sd of the star flux ratios over their median
};

/// Measures `product` against `classical` inside `area`; both normalised alike. Stars whose box or aperture
/// leaves the area take no part. Comparing the classical stack with itself gives zero changes.
ProductQuality measure_quality(const Plane<float>& product, const Plane<float>& classical,
                               const FrameMetrics& metrics, const QualityArea& area);

/// Median over cells of the clipped scale; 0 when no whole cell lies in the area.
double background_rms(const Plane<float>& image, const QualityArea& area);

}  // namespace tilecompile
