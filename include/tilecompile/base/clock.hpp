#pragma once
#include <string>

namespace tilecompile {

/// The time now as UTC, ISO 8601 with milliseconds.
std::string utc_now();
/// Seconds since 1970, UTC.
double unix_now();

}  // namespace tilecompile
