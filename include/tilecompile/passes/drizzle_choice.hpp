#pragma once
#include <string>
#include <vector>

#include "tilecompile/align/drizzle_coverage.hpp"
#include "tilecompile/align/registration.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Throws UsageError where drizzle is asked for with weights that it cannot have.
void check_drizzle_keys(const RunConfig& config);

/// Whether frames are drizzled, and why.
struct DrizzleChoice {
  bool drizzle = false;
  std::string why;  ///< for the log, with figures
};
/// `registration.debayer: auto` drizzles frames of a colour sensor, and all where `output_scale` is above 1,
/// when the drops cover the output well. Throws InputError where drizzle is asked for and leaves pixels
/// empty, with how many frames are needed.
DrizzleChoice choose_drizzle(const RunConfig& config, bool colour, const DrizzleCoverage& coverage);

/// Makes the choice for frames as they lie, and sets Registration::drop_px. `placed` are all of the run's
/// `frames`, or a sample of them.
DrizzleChoice choose_drizzle(const RunConfig& config, Registration& registration,
                             const std::vector<PlacedFrame>& placed, int frames);

}  // namespace tilecompile
