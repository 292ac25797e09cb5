#include "tilecompile/passes/drizzle_choice.hpp"

#include <cstdio>
#include <limits>
#include <optional>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr double kLeastSumOfShares = 2;  // of 99 of 100 pixels and colours: below, the noise is uneven

template <class... Values>
std::string text(const char* format, Values... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

bool by_seeing(const RunConfig& config) {
  return config.method.local_metrics.mode == LocalMetricsParams::Mode::kSeeing;
}

std::string figures(const DrizzleCoverage& c) {
  return text(
      "%d frames, shifted by %.1f px rms, leave %.2g %% of pixels and colours empty; 99 %% of them have the "
      "light of %.2g whole frames",
      c.frames, c.dither_px, 100 * c.missing, c.least);
}

std::string too_few(const DrizzleCoverage& c, double drop) {
  const int needed = c.frames_needed();
  const std::string how_many = needed == std::numeric_limits<int>::max() ? "no number of such frames"
                                                                         : std::to_string(needed) + " frames";
  return text(
      "registration.debayer: drizzle: the %d frames leave %.2g %% of the picture's pixels and colours "
      "without a drop; %s shifted as these are would be needed%s. Set registration.debayer: interpolate, "
      "or a larger registration.drop_fraction (now %g)",
      c.frames, 100 * c.missing, how_many.c_str(),
      c.lacks_dither() ? ", for these lie on each other: dither between exposures" : "", drop);
}

}  // namespace

void check_drizzle_keys(const RunConfig& config) {
  if (config.registration.debayer == "drizzle" && !by_seeing(config))
    throw UsageError(
        "registration.debayer: drizzle leaves holes in single frames, in which stars and structure cannot be "
        "measured tile by tile: set local_metrics.mode: seeing, or registration.debayer: interpolate");
}

DrizzleChoice choose_drizzle(const RunConfig& config, bool colour, const DrizzleCoverage& coverage) {
  const RegistrationConfig& registration = config.registration;
  if (registration.debayer == "interpolate") return {false, "registration.debayer: interpolate"};
  if (registration.debayer == "drizzle") {
    if (coverage.missing > kMostMissing) throw InputError(too_few(coverage, registration.drop_fraction));
    return {true, "registration.debayer: drizzle; " + figures(coverage)};
  }
  if (!colour && registration.output_scale == 1)
    return {false, "one colour at registration.output_scale: 1 gains nothing by drizzle"};
  if (!by_seeing(config)) return {false, "drizzle needs local_metrics.mode: seeing"};
  if (coverage.missing > kMostMissing || coverage.least < kLeastSumOfShares)
    return {false, "too few frames or too little dither for drizzle: " + figures(coverage) +
                       text("; drizzle is taken from %g on", kLeastSumOfShares)};
  return {true, figures(coverage)};
}

DrizzleChoice choose_drizzle(const RunConfig& config, Registration& registration,
                             const std::vector<PlacedFrame>& placed, int frames) {
  const RegistrationConfig& how = config.registration;
  const bool colour = !registration.cfa_pattern.empty();
  std::optional<CfaPattern> pattern;
  if (colour) pattern = cfa_pattern(registration.cfa_pattern);
  DrizzleCoverage coverage;
  if (how.debayer != "interpolate")
    coverage = drizzle_coverage(placed, registration.grid, pattern, how.drop_fraction).of_more(frames);
  DrizzleChoice choice = choose_drizzle(config, colour, coverage);
  if (choice.drizzle) registration.drop_px = how.drop_fraction;
  return choice;
}

}  // namespace tilecompile
