#include "tilecompile/fits/observation_cards.hpp"

#include <regex>

#include "tilecompile/header/observing_time.hpp"

namespace tilecompile {
namespace {

void add_dates(const ObservingTime& time, std::size_t frames, std::vector<HeaderCard>& cards) {
  if (time.begin.empty()) return;
  const std::string of = time.dated == frames ? ""
                                              : " (" + std::to_string(time.dated) + " of " +
                                                    std::to_string(frames) + " frames say)";
  cards.push_back({"DATE-OBS", time.begin, "start of the first exposure" + of});
  if (time.end.empty()) return;
  cards.push_back({"DATE-END", time.end, "end of the last exposure" + of});
  cards.push_back({"DATE-AVG", time.middle, "mean of the exposures' middles" + of});
  cards.push_back({"MJD-OBS", time.begin_mjd, "DATE-OBS as Modified Julian Date"});
  cards.push_back({"MJD-END", time.end_mjd, "DATE-END as Modified Julian Date"});
  cards.push_back({"MJD-AVG", time.middle_mjd, "DATE-AVG as Modified Julian Date"});
}

/// The mean over all frames, in their order; NaN, which is no card, when one does not state it.
double mean(const std::vector<FrameFacts>& frames, double FrameFacts::*member) {
  double sum = 0;
  for (const FrameFacts& f : frames) sum += f.*member;
  return sum / static_cast<double>(frames.size());
}

void add_exposures(const ObservingTime& time, std::vector<HeaderCard>& cards) {
  if (time.stacked_frames > 0) {
    cards.push_back({"STACKCNT", time.stacked_frames, "number of frames in the stack"});
    cards.push_back({"NCOMBINE", time.stacked_frames, "number of frames combined"});
  }
  cards.push_back({"EXPTIME", time.exposure_s, "[s] exposure of one frame"});
  cards.push_back({"LIVETIME", time.total_s, "[s] sum of all exposures"});
  cards.push_back({"TOTALEXP", time.total_s, "[s] sum of all exposures"});
}

/// As written where that is a date of the standard, so that no digit is lost.
std::string start_text(const FrameFacts& frame) {
  static const std::regex kStandard(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*)?)");
  const auto moment = exposure_start(frame).moment;
  if (!moment) return "";
  if (std::regex_match(frame.time.date_obs, kStandard)) return frame.time.date_obs;
  std::string date = fits_date_of_seconds(moment->seconds);
  if (moment->resolution_s >= 86400) date.resize(10);
  return date;
}

}  // namespace

std::vector<HeaderCard> observation_cards(const std::vector<FrameFacts>& frames) {
  const ObservingTime time = observing_time(frames);
  std::vector<HeaderCard> cards;
  add_exposures(time, cards);
  add_dates(time, frames.size(), cards);
  cards.push_back({"AIRMASS", mean(frames, &FrameFacts::airmass), "mean over the frames"});
  cards.push_back({"CCD-TEMP", mean(frames, &FrameFacts::sensor_celsius), "[C] mean over the frames"});
  return cards;
}

std::vector<HeaderCard> frame_cards(const FrameFacts& frame) {
  std::vector<HeaderCard> cards = {{"EXPTIME", frame.exposure_s, "[s] exposure"}};
  if (frame.stacked_frames > 1) {
    cards.push_back(
        {"STACKCNT", static_cast<std::int64_t>(exposures_in(frame)), "number of frames in the stack"});
    cards.push_back({"LIVETIME", frame.live_time_s, "[s] sum of all exposures"});
  }
  if (const std::string date = start_text(frame); !date.empty())
    cards.push_back({"DATE-OBS", date, "start of the exposure"});
  cards.push_back({"AIRMASS", frame.airmass, ""});
  cards.push_back({"CCD-TEMP", frame.sensor_celsius, "[C]"});
  return cards;
}

}  // namespace tilecompile
