#pragma once
#include <string_view>
#include <vector>

#include "tilecompile/align/resample.hpp"

namespace tilecompile {

/// Which part of the sky the output shows (`registration.framing`): that of the reference, all that any frame
/// shows, or what every frame shows.
enum class Framing { kReference, kUnion, kIntersection };
/// Of the word of the configuration: reference, union or intersection.
Framing framing_from_name(std::string_view name);

constexpr int kLargestSide_px = 65535;  ///< of a frame and of the output

/// A frame's transform and size.
struct PlacedFrame {
  Transform transform;
  int width = 0, height = 0;
};

/// The grid of the output: its corner lies on a whole pixel of the reference, each side a whole number of
/// pixels. `output_scale`: output px a px of the reference. The intersection is the largest box of
/// those whose corners lie on a grid of at most 256 x 256 places of the reference, all places of which are in
/// every frame. Empty (width or height 0) when nothing is left; a side beyond kLargestSide_px is
/// kLargestSide_px + 1.
OutputGrid output_grid(const std::vector<PlacedFrame>& frames, int reference_width, int reference_height,
                       Framing framing, double output_scale);

}  // namespace tilecompile
