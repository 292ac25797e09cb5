#pragma once
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace tilecompile {

constexpr double kNotStated = std::numeric_limits<double>::quiet_NaN();

/// What a frame's header says of the moment it was taken, as written. Read by `exposure_start`.
struct StatedTime {
  std::string date_obs;            ///< DATE-OBS or a key of that meaning; empty when absent
  std::string time_obs;            ///< TIME-OBS, UT or a key of that meaning; empty when absent
  double start_mjd = kNotStated;   ///< MJD-OBS, JD or a key of that meaning, as Modified Julian Date
  double middle_mjd = kNotStated;  ///< MJD-AVG or a key of that meaning
};

/// Where two opposite corners and the middle of an image lie on the sky: unit vectors, corner (1, 1) first.
/// Empty when the header does not say.
using SkyPlace = std::vector<std::array<double, 3>>;

/// What a frame's header says of it, in the words of the method.
struct FrameFacts {
  int width = 0, height = 0, channels = 0;
  double exposure_s = kNotStated;  ///< EXPTIME or EXPOSURE; NaN when not stated
  double code_step = 0;  ///< |BSCALE| for integer files (q of `methodology.md` 2), 0 for floating point
  double largest_code = kNotStated;  ///< physical value of the largest code; NaN for floats
  StatedTime time;
  std::vector<std::string> images;  ///< names of all images when the file holds several, the frame's first
  SkyPlace sky_place;
  std::string stretch_evidence;  ///< header words that tell of a stretch (HISTORY); empty when there are none

  std::string exposure_text;           ///< "EXPTIME 'auto'" where that is no number of seconds; else empty
  double stacked_frames = kNotStated;  ///< STACKCNT or NCOMBINE
  double live_time_s = kNotStated;     ///< LIVETIME or TOTALEXP
  std::string
      calibration_evidence;      ///< the card that tells of a dark, bias or flat; empty when there is none
  std::string product_evidence;  ///< which product of this program it is; empty for a frame
  std::string bayer_pattern;     ///< letters of BAYERPAT or COLORTYP; empty for none
  /// FILTER, GAIN and other settings of the camera that frames of one picture share: key and value, those
  /// that are stated.
  std::vector<std::pair<std::string, std::string>> settings;
  double airmass = kNotStated, sensor_celsius = kNotStated;  ///< AIRMASS, CCD-TEMP
};

}  // namespace tilecompile
