#pragma once
#include <vector>

namespace tilecompile {

/// What real nights add to the simulated one; all off by default, each from random numbers of its own.
struct SimulatedFaults {
  int dust_shadows = 0;         ///< fixed on the detector, so they wander over the registered frames
  double trailed_fraction = 0;  ///< frames whose stars are lines of 1 to 4 FWHM: wind
  double doubled_fraction =
      0;                    ///< frames whose stars are there twice, 1 to 3 FWHM apart: a jump of the mount
  int bright_stars = 0;     ///< saturated, with a halo and a readout streak
  double asteroid_adu = 0;  ///< flux of one bright moving object, at transparency 1; 0: none
};

/// A speck of dust before the detector: takes `depth` of the light at its rim, 0.6 of that at its centre.
struct DustShadow {
  double x = 0, y = 0;  ///< px on the detector
  double radius_px = 0, depth = 0;
};

/// A star far above saturation.
struct BrightStar {
  double x = 0, y = 0;  ///< px
  double flux = 0;      ///< ADU at transparency 1, without halo and streak
};

/// Where the telescope was during a part of the exposure.
struct GuidingStep {
  double x = 0, y = 0;  ///< px, from where the star belongs
  double share = 1;     ///< of the light; the shares of a frame add up to 1
};

}  // namespace tilecompile
