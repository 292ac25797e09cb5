#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/frame/frame_facts.hpp"

namespace tilecompile {

/// Seconds since 1970-01-01 of a FITS date ("2014-09-26T22:01:02.5" or "2014-09-26"); nothing for other
/// texts.
std::optional<double> seconds_of_fits_date(const std::string& date);
/// Inverse, with milliseconds.
std::string fits_date_of_seconds(double seconds);

/// When and how long a set of frames was exposed. Texts are empty and numbers NaN where headers do not say.
struct ObservingTime {
  std::string begin, end, middle;  ///< first start, last end, mean of the exposures' middles
  double exposure_s = 0;           ///< of one frame (the median)
  double total_s = 0;
};
ObservingTime observing_time(const std::vector<FrameFacts>& frames);

}  // namespace tilecompile
