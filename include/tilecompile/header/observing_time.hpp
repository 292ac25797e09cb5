#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/header/frame_facts.hpp"

namespace tilecompile {

/// A moment that a header states.
struct StatedMoment {
  double seconds = 0;       ///< since 1970-01-01, UTC as far as the header says so
  double resolution_s = 1;  ///< of the text: 86400 for a date alone, 60 without seconds, 1, 0.001, ...
  /// The other reading of a date such as 03/04/2024, whose day and month may change places.
  std::optional<double> other_seconds{};
};

/// A date, alone or with a time of day, in any spelling that is met: year first or day first ("/", "-", "."
/// between; two digits of a year from 70 on are of the 20th century), "T" or blanks before the time, with or
/// without seconds, a fraction behind a point or comma, an offset or Z at the end. Nothing for other texts.
std::optional<StatedMoment> read_header_date(const std::string& text);
/// A time of day ("20:15:30.5", "20:15", "20h15m30s") as seconds since midnight.
std::optional<StatedMoment> read_header_time(const std::string& text);

/// The start of a frame's exposure.
struct ExposureStart {
  std::optional<StatedMoment> moment;  ///< nothing when the header does not say, or not readably
  std::string problem;                 ///< what is wrong with the header's words; empty when nothing is
};
/// From DATE-OBS, with TIME-OBS where that is a date alone; then from the Julian dates.
ExposureStart exposure_start(const FrameFacts& facts);

/// FITS date of seconds since 1970-01-01, with milliseconds.
std::string fits_date_of_seconds(double seconds);

/// When and how long a set of frames was exposed. Texts are empty and numbers NaN where headers do not say.
struct ObservingTime {
  /// First start, last end, mean of the exposures' middles, of the frames that state a moment. When one of
  /// them states a date alone, `begin` is a date alone and the others are empty.
  std::string begin, end, middle;
  double begin_mjd = kNotStated, end_mjd = kNotStated, middle_mjd = kNotStated;
  std::size_t dated = 0;           ///< frames that state a moment
  double exposure_s = kNotStated;  ///< of one frame: the median; NaN unless all state it
  double total_s = kNotStated;  ///< sum over the frames and over those behind them; NaN unless all state it
  std::int64_t stacked_frames = 0;  ///< frames, with those behind frames that are stacks; 0: not known
};
ObservingTime observing_time(const std::vector<FrameFacts>& frames);

/// How many exposures a frame holds: 1, or what STACKCNT says; NaN when LIVETIME shows that it is a stack of
/// unknown size.
double exposures_in(const FrameFacts& facts);
/// How long a frame was exposed in all; NaN when unknown.
double live_time_of(const FrameFacts& facts);

}  // namespace tilecompile
