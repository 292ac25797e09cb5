#pragma once
#include <cstddef>
#include <vector>

#include "rejection.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What the last round of the rejection found at every pixel.
struct PixelLimits {
  Plane<double> middle;         ///< median of the frames that are kept; NaN without a valid one
  Plane<double> scale;          ///< s, not below its least
  Plane<double> tolerance;      ///< how much further out the limits are
  Plane<std::int32_t> samples;  ///< valid frames
  Plane<double> mean_share{};   ///< of the valid samples of drizzled frames; empty: 1
};

/// What the light of a rejected sample counts for beside that of the others: its share over their mean.
double part_of_light(const WeightedCutout& cutout, const PixelLimits& limits, int x, int y);

struct PixelPlace {
  int x = 0, y = 0;
};

/// Follows bright tracks to where they fall below the noise. `seeds[i]`: pixels of cut-out i that were
/// rejected above. A kept sample beside (8 neighbours) a rejected one of its frame, which has two more of
/// them at its side, is rejected too when its surroundings are still bright: the mean of e = ((I' - middle) /
/// widening - tolerance) / scale over the kept samples of the frame within 3 x 3 px is above 2 over the root
/// of their number; again and again, until nothing changes. Then twice all samples that have three rejected
/// ones of the track or more at their side: the wings go on below the noise. Frames in ascending order, in
/// each the oldest seed first. A pixel that would keep less than `min_kept_fraction` of its samples loses no
/// more. Adds to `rejection`.
void grow_tracks(const std::vector<WeightedCutout>& cutouts, const std::vector<double>& widening,
                 const PixelLimits& limits, double min_kept_fraction,
                 std::vector<std::vector<PixelPlace>> seeds, Rejection& rejection);

}  // namespace tilecompile
