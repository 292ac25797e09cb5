#pragma once
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Medians of the samples in 16 x 16 cells that cover the plane, row by row; NaN for a cell of which less
/// than half is valid. Stars hardly move them, so they show a nebula, a galaxy, the glow of a sky.
std::vector<double> structure_cells(const PlaneView<float>& plane);

/// How a frame's large-scale structure compares with that of the median of all frames.
struct StructureProof {
  double strength = 0;     ///< length of the median's structure over the noise of one cell of the frame
  double slope = 0;        ///< the frame's structure along the median's; 1: as bright
  double correlation = 0;  ///< -1 .. 1
  /// Whether the structure stands out enough to miss it where it lacks: also in a frame that shows a fifth.
  bool telling() const;
  /// Whether it lacks: telling, less than a fifth of the slope, and hardly correlated. Haze weakens
  /// structure, moonlight and twilight add their own; neither does both.
  bool bad() const;
};

/// Compares over the cells that both have, after a surface of second degree (moonlight, most of a vignette)
/// is taken from each by least squares, in the order of the cells. `noise`: sigma of the frame's samples.
/// Fewer than 32 common cells: all 0.
StructureProof compare_structure(const std::vector<double>& frame, const std::vector<double>& reference,
                                 double noise, double samples_a_cell);

/// "shows none of the structure ..." with the figures and the probable cause.
std::string describe_lacking_structure(const StructureProof& proof);

}  // namespace tilecompile
