#pragma once
#include <functional>
#include <limits>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// The raw frames of a run, before they are registered.
struct RawFrames {
  const FrameSource& source;  ///< as they are stored
  std::string cfa_pattern;    ///< as rows are stored; empty: no colour sensor
  /// What a frame is calibrated with; null: nothing.
  std::function<const CalibrationMasters*(int frame)> masters_of;
  double saturation = std::numeric_limits<double>::infinity();  ///< input units
  int threads = 1;
  Observer& observer = nobody();  ///< told of every frame, from any thread
};

/// Finds the stars of every frame, chooses the reference (`auto`, or the index of the frame asked for) and
/// fits every frame to it. Where fewer than half of the frames fit, auto tries the next best references, up
/// to four, and takes the one with most; so a frame of another field is not it. What does not fit is chained
/// through its nearest neighbours that do (`raw.md` R3). A frame that cannot be read has that as its problem.
NightFits register_night(const RawFrames& frames, int reference_asked_for, const FitRules& rules);

}  // namespace tilecompile
