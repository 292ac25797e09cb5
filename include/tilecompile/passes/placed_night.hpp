#pragma once
#include <string>
#include <vector>

#include "tilecompile/align/output_area.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/passes/calibration.hpp"

namespace tilecompile {

/// Raw frames as they lie on the output.
struct PlacedNight {
  Registration registration;        ///< of the frames that fit; drop_px is for choose_drizzle to set
  std::vector<PlacedFrame> placed;  ///< the same frames
};

/// Puts the frames that could be fitted onto the output that registration.framing and output_scale ask for,
/// each with the masters of `calibration` (a plan without groups: none). Throws InputError for an output
/// that is too small or too large to be meant.
PlacedNight place_night(const RunConfig& config, const Manifest& manifest, const NightFits& fits,
                        const CalibrationPlan& calibration);

/// From where calibrated samples count as saturated, in input units: where the flat is brightest the level of
/// the sensor, `saturation`, comes out lowest. Throws InputError where it lies below the dark.
double calibrated_saturation(double saturation,
                             const std::vector<std::shared_ptr<const CalibrationMasters>>& masters);

}  // namespace tilecompile
