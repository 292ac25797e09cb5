#include "tilecompile/header/observing_time.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <regex>

#include "tilecompile/header/header_values.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kDay = 86400;
constexpr double kMjdOf1970 = 40587;
constexpr double kLongerThanOne = 1.5;  // times the exposure: the frame is a stack

std::optional<double> days_since_1970(int year, int month, int day) {
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count());
}

/// What `date` and `time` say together.
StatedMoment joined(const StatedMoment& date, const StatedMoment& time) {
  StatedMoment moment = time;
  moment.seconds += date.seconds;
  if (date.other_seconds) moment.other_seconds = *date.other_seconds + time.seconds;
  return moment;
}

/// A date alone.
std::optional<StatedMoment> read_day(const std::string& text) {
  static const std::regex kYearFirst(R"((\d{4})([-/.])(\d{1,2})\2(\d{1,2}))");
  static const std::regex kYearLast(R"((\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2}))");
  std::smatch part;
  const auto moment = [](std::optional<double> days) {
    return days ? std::optional(StatedMoment{*days * kDay, kDay}) : std::nullopt;
  };
  if (std::regex_match(text, part, kYearFirst))
    return moment(days_since_1970(std::stoi(part[1]), std::stoi(part[3]), std::stoi(part[4])));
  if (!std::regex_match(text, part, kYearLast)) return std::nullopt;
  const int first = std::stoi(part[1]), second = std::stoi(part[3]);
  int year = std::stoi(part[4]);
  const bool old_style = part[4].length() == 2;  // dd/mm/yy by the older FITS standard
  if (old_style) year += year >= 70 ? 1900 : 2000;
  auto day_first = moment(days_since_1970(year, second, first));
  if (old_style || part[2] == ".") return day_first;
  const auto month_first = days_since_1970(year, first, second);
  if (!day_first) return moment(month_first);
  if (month_first && first != second) day_first->other_seconds = *month_first * kDay;
  return day_first;
}

/// Seconds east of Greenwich of "Z", "UTC", "+01:00", "-0330", "+2".
std::optional<double> read_zone(const std::string& text) {
  static const std::regex kOffset(R"(([+-])(\d{1,2})(?::?(\d{2}))?)");
  if (text.empty() || text == "Z" || text == "z" || text == "UT" || text == "UTC") return 0;
  std::smatch part;
  if (!std::regex_match(text, part, kOffset)) return std::nullopt;
  const double offset = std::stoi(part[2]) * 3600 + (part[3].matched ? std::stoi(part[3]) : 0) * 60;
  if (offset > 15 * 3600) return std::nullopt;
  return part[1] == "-" ? -offset : offset;
}

double mjd_of(double seconds) { return seconds / kDay + kMjdOf1970; }

StatedMoment moment_of_mjd(double mjd) { return {std::round((mjd - kMjdOf1970) * kDay * 1e3) / 1e3, 1}; }

/// The start by the Julian dates.
std::optional<StatedMoment> by_julian_date(const FrameFacts& facts) {
  if (std::isfinite(facts.time.start_mjd)) return moment_of_mjd(facts.time.start_mjd);
  if (!std::isfinite(facts.time.middle_mjd) || !std::isfinite(facts.exposure_s)) return std::nullopt;
  return moment_of_mjd(facts.time.middle_mjd - facts.exposure_s / 2 / kDay);
}

/// A date alone stays one only when nothing else knows the time of day.
ExposureStart with_time_of_day(StatedMoment date, const FrameFacts& facts) {
  const std::string& text = facts.time.time_obs;
  if (const auto time = read_header_time(text)) return {joined(date, *time), ""};
  if (const auto whole = read_header_date(text); whole && whole->resolution_s < kDay) return {whole, ""};
  if (const auto julian = by_julian_date(facts)) return {julian, ""};
  return {date, text.empty() ? "DATE-OBS is a date without a time of day"
                             : "TIME-OBS '" + text + "' is no time of day"};
}

}  // namespace

std::optional<StatedMoment> read_header_time(const std::string& text) {
  static const std::regex kTime(
      R"((\d{1,2})[:hH] ?(\d{1,2})(?:[:mM] ?(\d{1,2})(?:[.,](\d*))?[sS]?|[mM])? *(\S*))");
  std::smatch part;
  const std::string clean = header_text(text);
  if (!std::regex_match(clean, part, kTime)) return std::nullopt;
  const int hour = std::stoi(part[1]), minute = std::stoi(part[2]);
  const int second = part[3].matched ? std::stoi(part[3]) : 0;
  const auto zone = read_zone(part[5]);
  if (hour > 23 || minute > 59 || second > 60 || !zone) return std::nullopt;
  const std::string digits = part[4].str().substr(0, 9);
  StatedMoment moment{hour * 3600.0 + minute * 60 + second - *zone, part[3].matched ? 1.0 : 60.0, {}};
  if (!digits.empty()) moment.seconds += std::stod("0." + digits);
  for (std::size_t i = 0; i < digits.size(); ++i) moment.resolution_s /= 10;
  return moment;
}

std::optional<StatedMoment> read_header_date(const std::string& text) {
  static const std::regex kDateTime(R"(([-0-9/.]{6,10})(?:(?:[Tt]| *[,_]? +)(\d.*))?)");
  std::smatch part;
  const std::string clean = header_text(text);
  if (!std::regex_match(clean, part, kDateTime)) return std::nullopt;
  const auto day = read_day(part[1]);
  if (!day || !part[2].matched) return day;
  const auto time = read_header_time(part[2]);
  return time ? std::optional(joined(*day, *time)) : std::nullopt;
}

ExposureStart exposure_start(const FrameFacts& facts) {
  const auto julian = by_julian_date(facts);
  const std::string& text = facts.time.date_obs;
  if (text.empty()) return {julian, ""};
  const auto stated = read_header_date(text);
  if (!stated) return {julian, julian ? "" : "DATE-OBS '" + text + "' cannot be read"};
  ExposureStart start =
      stated->resolution_s < kDay ? ExposureStart{stated, ""} : with_time_of_day(*stated, facts);
  if (!start.moment->other_seconds) return start;
  if (!julian) {
    start.problem = "DATE-OBS '" + text + "' may be day/month or month/day, read as day/month";
    return start;
  }
  if (std::abs(*start.moment->other_seconds - julian->seconds) <
      std::abs(start.moment->seconds - julian->seconds))
    start.moment->seconds = *start.moment->other_seconds;
  start.moment->other_seconds.reset();
  return start;
}

std::string fits_date_of_seconds(double seconds) {
  const auto total_ms = static_cast<long long>(std::floor(seconds * 1000 + 0.5));
  const long long day_ms = 86400000LL;
  const long long days = (total_ms >= 0 ? total_ms : total_ms - day_ms + 1) / day_ms;
  const long long ms = total_ms - days * day_ms;
  const std::chrono::year_month_day ymd{std::chrono::sys_days(std::chrono::days(days))};
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02lld:%02lld:%02lld.%03lld", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), ms / 3600000,
                ms / 60000 % 60, ms / 1000 % 60, ms % 1000);
  return text;
}

double exposures_in(const FrameFacts& facts) {
  if (facts.stacked_frames >= 1) return std::round(facts.stacked_frames);
  return facts.live_time_s > kLongerThanOne * facts.exposure_s ? kNotStated : 1;
}

double live_time_of(const FrameFacts& facts) {
  if (facts.live_time_s > 0) return facts.live_time_s;
  return exposures_in(facts) == 1 ? facts.exposure_s : kNotStated;  // of a stack EXPTIME may be either
}

namespace {

void add_dates(const std::vector<FrameFacts>& frames, ObservingTime& time) {
  std::vector<double> begins, ends, middles;
  bool dates_alone = false;
  for (const FrameFacts& f : frames) {
    const auto moment = exposure_start(f).moment;
    if (!moment) continue;
    const double live = live_time_of(f), length = std::isfinite(live) ? live : 0;
    dates_alone = dates_alone || moment->resolution_s >= kDay;
    begins.push_back(moment->seconds);
    ends.push_back(moment->seconds + length);
    middles.push_back(moment->seconds + length / 2);
  }
  time.dated = begins.size();
  if (begins.empty()) return;
  const double begin = *std::min_element(begins.begin(), begins.end());
  time.begin = fits_date_of_seconds(begin);
  if (dates_alone) {
    time.begin.resize(10);
    return;
  }
  const double end = *std::max_element(ends.begin(), ends.end());
  time.end = fits_date_of_seconds(end);
  const double origin = middles.front();
  double sum = 0;
  for (double m : middles) sum += m - origin;
  const double middle = origin + sum / static_cast<double>(middles.size());
  time.middle = fits_date_of_seconds(middle);
  time.begin_mjd = mjd_of(begin);
  time.end_mjd = mjd_of(end);
  time.middle_mjd = mjd_of(middle);
}

}  // namespace

ObservingTime observing_time(const std::vector<FrameFacts>& frames) {
  ObservingTime time;
  if (frames.empty()) return time;
  std::vector<double> exposures;
  double total = 0, count = 0;
  for (const FrameFacts& f : frames) {
    if (std::isfinite(f.exposure_s)) exposures.push_back(f.exposure_s);
    total += live_time_of(f);  // NaN, once met, stays
    count += exposures_in(f);
  }
  if (exposures.size() == frames.size()) time.exposure_s = median(exposures);
  time.total_s = total;
  if (std::isfinite(count)) time.stacked_frames = static_cast<std::int64_t>(count);
  add_dates(frames, time);
  return time;
}

}  // namespace tilecompile
