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

/// Figures of one channel of a product next to the plain mean, on the same stars and the same sky
/// (`methodology.md` 12). An uncertainty is two standard errors; NaN where fewer than 3 stars or cells tell.
struct ProductQuality {
  int star_count = 0;              ///< stars measured in both; 0: the star figures are 0
  double fwhm_px = 0;              ///< median over the stars
  double fwhm_p90_px = 0;          ///< 90th percentile
  double plain_fwhm_px = 0;        ///< median of the same stars in the plain mean
  double fwhm_change_percent = 0;  ///< of the median FWHM against the plain mean's
  double fwhm_change_uncertainty_percent = 0;
  int flux_star_count = 0;  ///< stars behind flux_ratio; fewer than 3: none, and it is 1
  double flux_ratio = 1;    ///< median flux inside 4 F over the plain mean's, brighter half of the stars
  double flux_scatter_percent = 0;  ///< robust sd of the flux ratios inside 1.5 F over their median
  int sky_cell_count = 0;           ///< cells behind background_rms; 0: the figures of noise are 0
  double background_rms = 0;        ///< median over the cells of the clipped scale of their sky
  double equal_flux_rms = 0;        ///< background_rms / flux_ratio: noise at the star flux of the plain mean
  double plain_rms = 0;             ///< median over the same cells of the plain mean
  double background_rms_change_percent = 0;  ///< of equal_flux_rms against plain_rms
  double background_rms_change_uncertainty_percent = 0;
};

/// Two standard errors of the median of `values`: 2 x 1.2533 robust sd / sqrt(n); NaN for fewer than 3.
double median_uncertainty(const std::vector<double>& values);

/// 1 where `plain_mean` shows sky, 0 on objects and where it is NaN. Objects: the picture smoothed by a
/// Gaussian of FWHM F = `seeing_px` (weights of valid pixels only) stands more than 3 scales above the
/// location of `clip`, both over squares of max(64, ceil(16 F)) px of the smoothed picture; grown by ceil(F)
/// px on every side.
Plane<std::uint8_t> sky_mask(const Plane<float>& plain_mean, double seeing_px);

/// Clipped scale of the sky in every cell of 32 x 32 px that lies inside the image as a whole, row by row;
/// NaN in cells that hold fewer than 256 pixels of `sky`.
std::vector<double> sky_noise(const Plane<float>& image, const Plane<std::uint8_t>& sky);

/// What a picture shows of the stars and the sky, whatever the area.
struct PictureFigures {
  struct Star {
    double fwhm_px = 0;                   ///< 0: not measured, or with a signal to noise below 20
    double wide_flux = 0, near_flux = 0;  ///< inside 4 F and 1.5 F; NaN where an aperture was not measured
  };
  std::vector<Star> stars;    ///< in the order of FrameMetrics::stars, at most kMostSeeingStars
  std::vector<double> noise;  ///< sky_noise
};

/// Measures one channel of a picture; `sky` is sky_mask of the plain mean. No flux is taken where the
/// aperture leaves the image or meets an invalid pixel.
PictureFigures measure_picture(const Plane<float>& picture, const Plane<std::uint8_t>& sky,
                               const FrameMetrics& metrics);

/// Figures of a product against those of the plain mean inside `area`, both normalised alike. Stars whose box
/// and cells that leave the area take no part. Comparing the plain mean with itself gives zero changes.
ProductQuality compare_figures(const PictureFigures& product, const PictureFigures& plain_mean,
                               const FrameMetrics& metrics, const QualityArea& area);

}  // namespace tilecompile
