#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {

/// What the histogram of one channel of one frame says of a stretch.
///
/// A camera's full scale holds thousands of times the noise of its sky: even where the sky takes half of it,
/// sky / noise is then large. A stretch that puts the sky into view (MTF or asinh with a black point) brings
/// the noise up with it: the sky is a few sigma above black, and white only some ten sigma above the sky.
/// Linear data with such figures would mean a full scale of a hundred electrons. Gentle stretches (gamma,
/// asinh without a black point) leave no such trace and are not seen here.
struct LinearityEvidence {
  enum class Strength { kNone, kWeak, kStrong };
  double background_share = 0;   ///< B over the largest sample
  double background_sigmas = 0;  ///< B over the noise
  double range_sigmas = 0;       ///< (largest sample - B) over the noise
  double peak_share = 0;         ///< largest sample over the full scale (largest code; floats: 1 or 65535)
  Strength strength = Strength::kNone;
};

/// Judges the samples that `channel` was measured from. `largest_code`: of the file, NaN for floating point.
/// Strong: the figures of a stretch, and the data reach their full scale; weak: the figures alone.
LinearityEvidence examine_linearity(const Distribution& samples, const FrameChannel& channel,
                                    double largest_code);

/// "sky at 25 % of white and 4.2 sigma above black, ...": the figures for people.
std::string linearity_text(const LinearityEvidence& evidence);

/// Frames with strong evidence in any channel, with its figures. `evidence` is [channel][frame].
std::vector<BadFrame> stretched_frames(const std::vector<std::vector<LinearityEvidence>>& evidence,
                                       const std::vector<std::string>& frame_paths);
/// A warning that names the frames with weak evidence, or nothing.
std::vector<std::string> linearity_warnings(const std::vector<std::vector<LinearityEvidence>>& evidence,
                                            const std::vector<std::string>& frame_paths);

}  // namespace tilecompile
