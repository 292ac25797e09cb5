#pragma once
#include <string>
#include <vector>

#include "run_under_way.hpp"
#include "tilecompile/align/drizzle_coverage.hpp"
#include "tilecompile/align/registration.hpp"

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

/// Makes the choice for the frames as they lie, sets Registration::drop_px, and says what was chosen and why.
void choose_drizzle(RunUnderWay& run, Registration& registration, const std::vector<PlacedFrame>& placed);

}  // namespace tilecompile
