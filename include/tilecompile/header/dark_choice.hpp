#pragma once
#include <string>
#include <vector>

#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// Which darks a light takes (`raw.md` R1).
struct DarkMatch {
  bool auto_select = true;  ///< false: all darks serve all lights
  double exposure_tolerance_percent = 5;
  bool use_temperature = false;
  double temperature_tolerance_c = 2;
  bool scaling = false;  ///< darks of another exposure may be scaled
};

/// Lights that take the same darks.
struct DarkGroup {
  std::vector<int> darks, lights;  ///< indices, ascending
  double ratio = 1;                ///< exposure of the lights over that of the darks, where these are scaled
};

/// The darks of every light: those whose exposure lies within the tolerance of its own (and whose temperature
/// does, when asked for); exposures that neither side states fit each other. Without any, and with scaling:
/// the darks whose exposure is nearest by ratio, the longer ones of two. Groups in the order of their first
/// light. Throws InputError that names the exposures on both sides.
std::vector<DarkGroup> choose_darks(const Manifest& lights, const Manifest& darks, const DarkMatch& match);

}  // namespace tilecompile
