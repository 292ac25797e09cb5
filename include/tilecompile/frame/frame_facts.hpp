#pragma once
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace tilecompile {

/// Where two opposite corners and the middle of an image lie on the sky: unit vectors, corner (1, 1) first.
/// Empty when the header does not say.
using SkyPlace = std::vector<std::array<double, 3>>;

/// What a frame's header says of it, in the words of the method.
struct FrameFacts {
  int width = 0, height = 0, channels = 0;
  double exposure_s = std::numeric_limits<double>::quiet_NaN();  ///< EXPTIME or EXPOSURE; NaN when not stated
  double code_step = 0;  ///< |BSCALE| for integer files (q of `methodology.md` 2), 0 for floating point
  double largest_code =
      std::numeric_limits<double>::quiet_NaN();  ///< physical value of the largest code; NaN for floats
  std::string date_obs;                          ///< DATE-OBS as written; empty when absent
  std::vector<std::string> images;  ///< names of all images when the file holds several, the frame's first
  SkyPlace sky_place;
  std::string stretch_evidence;  ///< header words that tell of a stretch (HISTORY); empty when there are none
};

}  // namespace tilecompile
