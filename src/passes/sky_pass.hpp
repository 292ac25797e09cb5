#pragma once
#include <vector>

#include "tilecompile/passes/frame_passes.hpp"

namespace tilecompile {

/// [channel][frame]: the factors of all frames as they are now.
std::vector<std::vector<Normalization>> normalizations_of(const FrameMetrics& metrics);

/// Fits the smooth surfaces that bring the skies of all frames to the sky of all (`reconstruction.local_sky`)
/// to the samples of `looks`, and keeps them in the metrics of the frames.
void keep_skies(FrameMetrics& metrics, const std::vector<StarLook>& looks, int threads);

}  // namespace tilecompile
