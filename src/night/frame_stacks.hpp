#pragma once
#include <vector>

#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/night/analysis.hpp"

namespace tilecompile {

/// Frames a group are read in parallel and added to the stacks in their order.
constexpr int kFramesAThread = 2;

/// One stack a channel, for the frames of the manifest.
std::vector<MeanStack> empty_stacks(const Manifest& manifest, const MethodConfig& method);

/// Adds the frames first .. first+images.size()-1 to every channel's stack, rows spread over threads.
void add_to_stacks(std::vector<MeanStack>& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, int threads);

/// Makes the stacks the classical ones of the analysis.
void take_stacks(Analysis& analysis, const std::vector<MeanStack>& stacks);

}  // namespace tilecompile
