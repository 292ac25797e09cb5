#pragma once
#include <cstdint>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

struct GradientEnergy {
  double mean = 0;           ///< 0 when no pixel counts
  std::uint64_t pixels = 0;  ///< pixels whose 3x3 neighbourhood is valid
};

/// Mean of gx^2 + gy^2 with gx, gy the Sobel derivatives divided by 8, over the pixels whose 3x3
/// neighbourhood lies in `plane` and is valid (`methodology.md` 4). Summed in double, row by row; inside a
/// row in eight interleaved partial sums (column mod 8) that are added in order, so that vector units of any
/// width give the same bits. `whole_numbers` says that the valid samples are
/// whole numbers from -2^20 to 2^20 (`Distribution::whole_numbers`): the same bits in less time.
GradientEnergy gradient_energy(const PlaneView<float>& plane, bool whole_numbers = false);

}  // namespace tilecompile
