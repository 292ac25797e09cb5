#pragma once
#include <string>
#include <vector>

#include "tilecompile/coadd/coadd_params.hpp"
#include "tilecompile/coadd/quality.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// Steps along the lines of the tile grid, of one channel.
struct TilePattern {
  double amplitude = 1;     ///< gradient energy on the grid lines over that off them; 1 without a pattern
  double significance = 0;  ///< (amplitude - 1) over its expected scatter without a pattern
  bool detected = false;
};

/// Looks for steps on the grid lines (tile starts and ends inside the image). Every line is cut into pieces
/// of `step` px; a piece's gradient is the median over its pixels of the difference across the line, and
/// energies are medians of squared gradients over pieces, so stars do not count. Detected: at least 25 % more
/// energy on the lines than off them and five times the scatter expected of as many random pieces.
TilePattern tile_pattern(const Plane<float>& image, const Grid& grid);

/// Median over tiles of var_f(W_ft) / mean_f(W_ft)^2; weights are [tile][frame].
double tile_weight_variance(const std::vector<std::vector<double>>& weights);

/// One figure of the verdict against its threshold.
struct VerdictCheck {
  std::string name;
  int channel = 0;
  double value = 0, threshold = 0;
  bool passed = true;
  std::string text;  ///< for people
};

/// What the verdict of one channel is made of (`methodology.md` 12).
struct VerdictInput {
  int channel = 0;
  ProductQuality quality;  ///< of the final product
  double tile_weight_variance = 0;
  TilePattern pattern;
};

std::vector<VerdictCheck> judge(const VerdictInput& input, const ValidationParams& params);

}  // namespace tilecompile
