#include "tilecompile/frame/observing_time.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {

std::optional<double> seconds_of_fits_date(const std::string& date) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, used = 0;
  double second = 0;
  if (std::sscanf(date.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) return std::nullopt;
  const std::string rest = date.substr(static_cast<std::size_t>(used));
  if (!rest.empty() && std::sscanf(rest.c_str(), "T%2d:%2d:%lf", &hour, &minute, &second) != 3)
    return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0 && second < 61))
    return std::nullopt;
  const auto days = std::chrono::sys_days(ymd).time_since_epoch().count();
  return static_cast<double>(days) * 86400 + hour * 3600 + minute * 60 + second;
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

ObservingTime observing_time(const std::vector<FrameFacts>& frames) {
  std::vector<double> exposures, begins, ends, middles;
  for (const FrameFacts& f : frames) {
    const double exposure = std::isfinite(f.exposure_s) ? f.exposure_s : 0;
    if (std::isfinite(f.exposure_s)) exposures.push_back(f.exposure_s);
    const auto begin = seconds_of_fits_date(f.date_obs);
    if (!begin) continue;
    begins.push_back(*begin);
    ends.push_back(*begin + exposure);
    middles.push_back(*begin + exposure / 2);
  }
  ObservingTime time;
  time.exposure_s = exposures.empty() ? std::nan("") : median(exposures);
  time.total_s = 0;
  for (double e : exposures) time.total_s += e;
  if (exposures.empty()) time.total_s = std::nan("");
  if (begins.empty()) return time;
  time.begin = fits_date_of_seconds(*std::min_element(begins.begin(), begins.end()));
  time.end = fits_date_of_seconds(*std::max_element(ends.begin(), ends.end()));
  const double origin = middles.front();
  double sum = 0;
  for (double m : middles) sum += m - origin;
  time.middle = fits_date_of_seconds(origin + sum / static_cast<double>(middles.size()));
  return time;
}

}  // namespace tilecompile
