#pragma once
#include <cstdint>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What calibrates the frames of one group of lights: planes of the sensor's size, empty where not used.
struct CalibrationMasters {
  Plane<float> dark;            ///< D of `raw.md` R1, input units: all that is subtracted, the bias included
  Plane<float> flat;            ///< F: 1 on average over the pixels of a colour; NaN where it tells nothing
  Plane<std::uint8_t> defects;  ///< 1: the pixel is left out of every frame
};

/// F below this share of the average makes a pixel invalid.
inline constexpr double kLeastFlat = 0.1;

/// I = (raw - D) / F in double, rounded once (`raw.md` R1). `samples` are the pixels of `where` on the
/// sensor, row by row, in input units; they become NaN where F is below kLeastFlat or a defect lies, and stay
/// NaN where they are. The result of a pixel does not depend on the box that it is in.
void calibrate(const CalibrationMasters& masters, const Box& where, float* samples);

/// D for lights of another exposure: bias + (dark - bias) * ratio, in double, rounded once. `dark` with the
/// bias.
Plane<float> scaled_dark(const Plane<float>& dark, const Plane<float>& bias, double ratio);
/// bias + dark, for darks that lack the bias.
Plane<float> dark_with_bias(const Plane<float>& dark, const Plane<float>& bias);

}  // namespace tilecompile
