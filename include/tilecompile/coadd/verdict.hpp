#pragma once
#include <string>
#include <vector>

#include "tilecompile/coadd/coadd_params.hpp"
#include "tilecompile/coadd/quality.hpp"
#include "tilecompile/coadd/tile_pattern.hpp"

namespace tilecompile {

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
