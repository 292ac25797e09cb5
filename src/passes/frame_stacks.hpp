#pragma once
#include <vector>

#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/coadd/row_extremes.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {

/// Frames a group are read in parallel and added to the stacks in their order.
constexpr int kFramesAThread = 2;

/// What is formed of all frames, [channel].
struct FrameStacks {
  std::vector<MeanStack> means;
  std::vector<RowExtremes> extremes;
  std::vector<ScatterStack> scatter;  ///< about the classical stack, which the analysis holds meanwhile
};

/// Those of no frame yet, for the frames of the manifest.
FrameStacks empty_stacks(const Manifest& manifest, const MethodConfig& method);

/// The scatter of no frame yet.
std::vector<ScatterStack> empty_scatter_stacks(const Analysis& analysis, const MethodConfig& method);

/// Adds the frames first .. first+images.size()-1 to every channel's stacks, rows spread over threads. Where
/// there are none of a kind nothing is added; `levels` [frame][channel] serve the scatter.
void add_to_stacks(FrameStacks& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, const std::vector<std::vector<FrameLevels>>& levels,
                   int threads);

/// Variance of the classical stack, a plane a channel.
Image variance_of(const std::vector<ScatterStack>& stacks, const Analysis& analysis, int threads);

/// Makes the stacks the classical ones of the analysis.
void take_stacks(Analysis& analysis, FrameStacks stacks, int threads);

}  // namespace tilecompile
