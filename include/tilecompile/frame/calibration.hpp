#pragma once
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What calibrates the frames of one group of lights: planes of the sensor's size, empty where not used; NaN
/// where the pixel is left out of every frame (defects, F too small).
struct CalibrationMasters {
  Plane<float> dark;  ///< D of `raw.md` R1, input units: all that is subtracted, the bias included
  Plane<float> flat;  ///< F: 1 on average over the pixels of a colour
};

/// I = (raw - D) / F in double, rounded once (`raw.md` R1). `samples` are the pixels of `where` on the
/// sensor, row by row, in input units; NaN where they, D or F are NaN. The result of a pixel does not depend
/// on the box that it is in.
void calibrate(const CalibrationMasters& masters, const Box& where, float* samples);

/// D for lights of another exposure: bias + (dark - bias) * ratio, in double, rounded once. `dark` with the
/// bias.
Plane<float> scaled_dark(const Plane<float>& dark, const Plane<float>& bias, double ratio);
/// bias + dark, for darks that lack the bias.
Plane<float> dark_with_bias(const Plane<float>& dark, const Plane<float>& bias);

}  // namespace tilecompile
