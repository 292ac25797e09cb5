#pragma once
#include <cstdio>
#include <filesystem>
#include <string>

#include "tilecompile/simulate/simulate.hpp"

namespace tilecompile {

/// As printf, up to 255 characters.
template <class... Values>
std::string text(const char* format, Values... values) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

/// UsageError "simulate: <what>" unless it holds.
void require_option(bool holds, const char* what);
/// Throws UsageError for the first option that is out of range.
void check_options(const SimulateOptions& options);

/// DATE-OBS so many seconds into the night, which begins on 2025-01-10 at 20:00.
std::string night_time(double seconds);

/// Creates a folder, or takes an empty one. UsageError when it holds files, which would be read as frames of
/// this night.
void prepare_folder(const std::filesystem::path& folder);
void create_folder(const std::filesystem::path& folder);
void write_text(const std::filesystem::path& path, const std::string& content);

}  // namespace tilecompile
