#pragma once
#include <chrono>
#include <string>

namespace tilecompile {

/// The time now as UTC, ISO 8601 with milliseconds.
std::string utc_now();
/// Seconds since 1970, UTC.
double unix_now();
/// Seconds since 1970 of a time as utc_now gives it; -1 when it is none.
double unix_seconds(const std::string& time);

/// Seconds since a moment of the clock that only goes forward.
inline double seconds_since(std::chrono::steady_clock::time_point moment) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - moment).count();
}

}  // namespace tilecompile
