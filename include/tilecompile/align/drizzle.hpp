#pragma once
#include <optional>
#include <vector>

#include "tilecompile/align/debayer.hpp"
#include "tilecompile/align/resample.hpp"

namespace tilecompile {

/// A channel of drizzled pixels, row by row.
struct DrizzledChannel {
  float* samples = nullptr;  ///< light an output pixel; NaN where the share is 0
  float* shares = nullptr;   ///< 0 to 1: what the drops cover of the output pixel
};

/// Area that a square of edge 1 with its corner at (0, 0) shares with a convex quadrilateral, whose corners
/// follow each other.
double area_in_unit_square(const Point (&quadrilateral)[4]);

/// Drizzles a frame to the pixels of `out` (`raw.md` R2). A raw pixel is a drop, a square of edge `drop` px
/// around its centre; its part in an output pixel is the area a that both share, in the frame. A sample is
/// sum a s / sum a of the valid raw pixels s of the channel's colour (without `pattern` of all), row by row,
/// times the area of the output pixel, so that fluxes are kept; its share is sum a over that area. Shares
/// below kLeastShare are none. The corners of output pixels are carried to the frame one by one and joined
/// by straight lines, so neighbours share their edges and no light is lost between them. Pixels do not depend
/// on the box. Throws ContractError where `part` lacks a pixel; `part.box` must hold source_box().
void drizzle(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
             const std::optional<CfaPattern>& pattern, double drop,
             const std::vector<DrizzledChannel>& channels);

inline constexpr double kLeastShare = 1.0 / 64;

}  // namespace tilecompile
