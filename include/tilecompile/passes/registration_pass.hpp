#pragma once
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/observer.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// How the stars of raw frames are found, before the frames are registered.
struct StarFinding {
  std::string cfa_pattern;  ///< as rows are stored; empty: no colour sensor
  double saturation = std::numeric_limits<double>::infinity();  ///< input units
  std::vector<int>
      group_of_frame{};  ///< [frame]: what it is calibrated with; -1: nothing. Empty: no frame is
  std::vector<CalibrationObjects> calibrations{};                    ///< [group]
  std::vector<std::shared_ptr<const CalibrationMasters>> masters{};  ///< [group], in memory
};

/// The stars of all frames.
struct NightStars {
  std::vector<FrameStars> stars;
  std::vector<std::string> problems;  ///< why a frame cannot be read; empty: it can
};

/// The stars of one frame of `source`, which is as stored. Throws InputError when it cannot be read.
FrameStars find_frame_stars(const FrameSource& source, int frame, const StarFinding& how);
/// Those of all frames, in parallel. The observer is told of every frame, from any thread.
NightStars find_night_stars(const FrameSource& source, const StarFinding& how, int threads,
                            Observer& observer = nobody());

/// Chooses the reference (`auto`: -1, or the index of the frame asked for) and fits every frame to it. Where
/// fewer than half of the frames fit, auto tries the next best references, up to four, and takes the one with
/// most; so a frame of another field is not it. What does not fit is chained through its nearest neighbours
/// that do (`raw.md` R3).
NightFits register_night(NightStars found, int reference_asked_for, const FitRules& rules, int threads,
                         Observer& observer = nobody());

}  // namespace tilecompile
