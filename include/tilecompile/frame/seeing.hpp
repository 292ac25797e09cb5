#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/frame/fwhm_surface.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

constexpr int kMostSeeingFrames = 64;
constexpr int kMostSeeingStars = 500;
constexpr double kDefaultSeeingPx = 3.0;  ///< F when no star can be measured
/// Fewer objects than this are knots of a nebula as likely as stars.
constexpr std::size_t kFewestReferenceStars = 3;
constexpr int kLargestStarRadiusPx = 40;
/// A box of the largest size holds the light of no wider star.
constexpr double kWidestStarPx = kLargestStarRadiusPx / 1.5;

/// Indices of at most kMostSeeingFrames frames spread evenly over 0 .. frame_count-1, ascending.
std::vector<int> seeing_frames(int frame_count);

/// FWHM of the reference stars (at most kMostSeeingStars, brightest first) that one frame shows with
/// SNR >= 20 and ellipticity < 0.4 (`methodology.md` 6), in star order. Stars that touch invalid pixels are
/// left out. Where most of the stars with that SNR are elongated, so is the frame's PSF, and all of them are
/// given: the geometric mean of their axes stands for the area of the matched filter.
std::vector<StarFwhm> star_fwhms(const PlaneView<float>& frame, const std::vector<ReferenceStar>& stars,
                                 int star_radius_px);

/// Why so many stars of this median FWHM tell nothing of the seeing, with what is needed; empty if they do.
std::string why_no_seeing(std::size_t stars, double fwhm_px);

/// Half-size of the box in which a star of this FWHM is measured.
int star_radius(double fwhm_px);

}  // namespace tilecompile
