#pragma once
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// Least amplitude that counts as a pattern.
constexpr double kLeastPatternAmplitude = 1.25;
/// Amplitude of steps on the grid lines of a picture that has none off them.
constexpr double kPatternOnNothing = 1e6;

/// Steps along the lines of the tile grid, of one channel.
struct TilePattern {
  double amplitude = 1;     ///< gradient energy on the grid lines over that off them; 1 without a pattern
  double significance = 0;  ///< (amplitude - 1) over its expected scatter without a pattern
  double limit = kLeastPatternAmplitude;  ///< up to here it may be chance, or is too faint to matter
  bool detected = false;                  ///< amplitude above the limit
};

/// Looks for steps on the grid lines of `image` minus `classical` (same shape and units; without the light
/// that was rejected from the image, whose trails would be steps), where stars and nebulae have mostly gone.
/// Across a line four strips of w = max(2, min(T/8, (T - 2 O)/4)) by S px have the medians m0 .. m3; the
/// step 1.5 (m2 - m1) - 0.5 (m3 - m0) is blind to slopes. The energy of a set of lines is the median of the
/// squared steps over all pieces of S px along them. Sets: tile starts, tile ends, and the middles between
/// them (where the overlap-add blends); each against the lines off the grid, whose strips touch no overlap.
/// Reported is the set that stands out most. Its limit is the larger of kLeastPatternAmplitude and 1 + five
/// times the scatter expected of as many random pieces. An image equal to `classical` has amplitude 1.
TilePattern tile_pattern(const Plane<float>& image, const Plane<float>& classical, const Grid& grid);

}  // namespace tilecompile
