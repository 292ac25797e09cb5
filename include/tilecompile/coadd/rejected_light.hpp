#pragma once
#include <cstdint>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// The plain mean `mean` without what rejection took from its frames: satellite trails, hot pixels. `low` and
/// `high` are the sums over frames of the rejected light, `coverage` the number of frames; all of one shape,
/// or `low` and `high` empty when nothing was rejected. Pixels that no frame covers stay as they are.
Plane<float> without_rejected_light(const PlaneView<float>& mean, const Plane<float>& low,
                                    const Plane<float>& high, const Plane<std::int32_t>& coverage);

}  // namespace tilecompile
