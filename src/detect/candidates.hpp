#pragma once
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What may be a star: place, flux and size (standard deviation) in px.
struct Candidate {
  double x, y, flux, size;
};

/// Objects that SEP finds above 5 standard deviations on the image less its background. Throws ContractError
/// when SEP itself fails.
std::vector<Candidate> nominate(const Plane<float>& image);

/// Rounded to 1/1024 px, so that a library's last bit cannot reach a pixel (`methodology.md` 5).
double on_position_grid(double v);

}  // namespace tilecompile
