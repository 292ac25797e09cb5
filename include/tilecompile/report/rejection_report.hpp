#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// What pixel rejection took from every frame.
struct RejectionReport {
  std::string csv;      ///< rejection.csv: frame_index,path,channel,rejected_low,rejected_high,share
  std::string summary;  ///< JSON for run.json: counts, share of all samples, frame that lost most
};

/// Of the samples that lie too low and too high, [channel][frame]: counts over the pixels of all tiles, so a
/// pixel in an overlap counts once a tile. `share` is relative to the frame's valid pixels, counted the same
/// way.
RejectionReport rejection_report(const std::vector<std::vector<double>>& rejected_low,
                                 const std::vector<std::vector<double>>& rejected_high, const Grid& grid,
                                 const FrameMetrics& metrics, const std::vector<std::string>& frame_paths);

}  // namespace tilecompile
