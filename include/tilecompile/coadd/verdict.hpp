#pragma once
#include <string>
#include <vector>

#include "tilecompile/coadd/coadd_params.hpp"
#include "tilecompile/coadd/quality.hpp"
#include "tilecompile/coadd/tile_pattern.hpp"

namespace tilecompile {

/// Median over tiles of var_f(W_ft) / mean_f(W_ft)^2; weights are [tile][frame].
struct WeightVariance {
  double median = 0;
  double uncertainty = 0;  ///< two standard errors of the median over the tiles; NaN for fewer than 3
};
WeightVariance tile_weight_variance(const std::vector<std::vector<double>>& weights);

/// Channel of a check that is about all of them.
constexpr int kAllChannels = -1;

/// One figure of the verdict against its threshold.
struct VerdictCheck {
  std::string name;
  int channel = 0;
  double value = 0;
  double uncertainty =
      0;  ///< two standard errors; NaN: not known; 0 of tile_pattern, whose threshold holds it
  double threshold = 0;
  bool passed = true;  ///< a threshold is missed only by more than the uncertainty
  std::string text;    ///< for people
};

/// What the verdict of one channel is made of (`methodology.md` 12).
struct VerdictInput {
  int channel = 0;
  ProductQuality quality;  ///< of the final product
  WeightVariance tile_weight_variance;
  TilePattern pattern;
};

/// The four checks of one channel. A figure whose uncertainty is not known misses no threshold.
std::vector<VerdictCheck> judge(const VerdictInput& input, const ValidationParams& params);

}  // namespace tilecompile
