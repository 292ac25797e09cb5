#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {

/// The scale of the numbers of one frame in one channel, as they stand in its file.
struct FrameNumbers {
  double background = 0, noise = 0;  ///< noise 0: not known
  double largest = 0;                ///< sample
  bool floating = false;             ///< the file holds floating-point numbers
};

/// Of the samples that `channel` was measured from. `largest_code`: of the file, NaN for floating point.
FrameNumbers numbers_of(const Distribution& samples, const FrameChannel& channel, double largest_code);

/// Frames whose numbers are of another scale than those of most others: noise, or background where it stands
/// out of the noise, apart by more than a factor of 100, or floats up to 1 beside integers above 100. The
/// reason holds the figures of both groups. Frames whose noise is not known are left out. `numbers` is
/// [channel][frame].
std::vector<BadFrame> frames_of_other_scale(const std::vector<std::vector<FrameNumbers>>& numbers,
                                            const std::vector<std::string>& frame_paths);

}  // namespace tilecompile
