#pragma once
#include <array>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One row of a master: per pixel the mean of the frames' samples that are left by `methodology.md` 9.3 with
/// kappa 3 on both sides: at most three rounds of |x - median| <= 3 sd, sd = 1.4826 MAD, but not below the
/// row's median of the sd of its pixels, nor below `code_step`; fewer than half kept: the mean of all. Summed
/// in double in the order of `frames`, in chunks of 64. `frames`: `width` samples each, NaN where invalid; a
/// pixel that no frame has is NaN.
std::vector<float> master_row(const std::vector<const float*>& frames, int width, double code_step);

/// Medians of the pixels of a flat at the four places of the colour pattern (cfa_place), all four the same
/// for a frame without filters (`cfa` empty): what the flat is divided by before flats are combined.
/// `subtracted` (may be empty) is taken away first; invalid pixels do not count.
std::array<double, 4> flat_levels(const PlaneView<float>& flat, const Plane<float>& subtracted,
                                  const std::string& cfa);
/// Row `y` of a flat minus `subtracted` over the levels, in place, in double, rounded once.
void normalise_flat_row(float* row, int y, int width, const Plane<float>& subtracted,
                        const std::array<double, 4>& levels);

/// F below this share of the average of its colour makes a pixel invalid.
inline constexpr double kLeastFlat = 0.1;
/// Brings the mean of the valid pixels of every colour to 1 (sums row by row in double), then makes those
/// below kLeastFlat NaN.
void finish_flat(Plane<float>& flat, const std::string& cfa);

/// Difference of every pixel of rows y0 .. y0+rows-1 of `dark` from the median of its 5 x 5 neighbours of the
/// same colour (every second pixel with filters), itself among them; those beyond the border are left out.
/// NaN where the pixel is.
Plane<float> neighbour_residuals(const Plane<float>& dark, const std::string& cfa, int y0, int rows);
/// The largest residual that is no defect: `sigma` robust standard deviations of all of them around 0
/// (`raw.md` R1).
double defect_limit(const Plane<float>& residuals, double sigma);

}  // namespace tilecompile
