#pragma once
#include <limits>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// The stars of a single frame for its registration (`raw.md` R3.1): nominated by SEP, measured by our own
/// estimator, centres rounded to 1/1024 px. Stars that reach `saturation` or are elongated (ellipticity from
/// 0.5 on) count as poor; what is much sharper than the others is no star but a hot pixel or a cosmic ray.
/// Throws ContractError when SEP itself fails.
FrameStars detect_frame_stars(const Plane<float>& frame,
                              double saturation = std::numeric_limits<double>::infinity());

}  // namespace tilecompile
