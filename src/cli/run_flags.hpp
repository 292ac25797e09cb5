#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tilecompile/launch/modes.hpp"

namespace tilecompile {

/// Flags that `run`, `master` and `plan` share; they go over the file like --set does.
struct RunFlags {
  std::string file, run_id, resume, output, log_level, log_format;
  std::vector<std::string> page;  ///< of --page: nothing, or one place
  bool has_page = false;
  int threads = -1;
  int workers = 0;
  bool quiet = false;
  std::vector<std::string> overrides;
};

/// What follows --page or --metrics; without anything, or with "", this host alone.
std::string place_or_loopback(const std::vector<std::string>& given);
void add_run_flags(CLI::App& app, RunFlags& flags);
/// Reads the configuration, sets up the log, and returns what the user asked of a run.
RunRequest make_request(const RunFlags& flags);
/// Sets up the log as configured; `quiet`: errors alone.
void configure_log(const ObservabilityConfig& log, bool quiet);

}  // namespace tilecompile
