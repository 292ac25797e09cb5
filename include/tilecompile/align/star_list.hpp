#pragma once
#include <vector>

namespace tilecompile {

/// A star as it was measured on one frame: centre in px of the frame, rounded to 1/1024 px.
struct FrameStar {
  double x = 0, y = 0;
  double flux = 0;     ///< units of the samples times px
  double fwhm_px = 0;  ///< geometric mean of both axes
  double snr = 0;      ///< total flux over its noise
  bool poor = false;   ///< saturated or elongated: its centre is not worth much
  /// Expected error of the centre: what the noise makes of it, and 0.03 px that no estimator is free of.
  double error_px() const;
};

constexpr int kMostStars = 200;  ///< of a frame, for matching
constexpr int kStarCells = 6;    ///< the image is cut into 6 x 6 cells
constexpr int kMostStarsACell = 12;

/// The stars of a frame that are matched: the brightest `kMostStars`, at most `kMostStarsACell` of them in
/// one cell, poor ones after all others (`raw.md` R3). Ties go to the smaller y, then to the smaller x, so
/// the order in which they come does not matter.
std::vector<FrameStar> choose_stars(std::vector<FrameStar> stars, int width, int height);

}  // namespace tilecompile
