#pragma once
#include <string>

namespace tilecompile {

/// The time now as UTC, ISO 8601 with milliseconds.
std::string utc_now();

}  // namespace tilecompile
