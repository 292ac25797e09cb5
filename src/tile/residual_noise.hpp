#pragma once
#include <vector>

#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// Noise of every cut-out inside the tile: robust standard deviation of I' less the weighted mean (weights W
/// ramp), over every fourth row, less what lies beyond 3 sigma, freed of the cut-out's own part in the mean.
/// A cut-out with fewer than 64 such samples keeps `noise`. The noise of the whole frame also holds its
/// gradients and hot pixels, which say nothing about a pixel that they do not touch.
/// `mean` is sampled_mean over all frames of the tile, `frame_weight` W of all of them; the cut-outs may be
/// some of them.
std::vector<double> residual_noise(const std::vector<WeightedCutout>& cutouts, const Plane<double>& mean,
                                   const std::vector<double>& frame_weight);

}  // namespace tilecompile
