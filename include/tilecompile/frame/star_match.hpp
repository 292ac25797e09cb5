#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"

namespace tilecompile {

/// How the stars of one picture come to lie on those of another: as they are, turned by 180 degrees, or
/// mirrored, and then moved.
struct FieldMatch {
  enum class Turn { kNone, kHalf, kLeftRight, kUpDown };
  Turn turn = Turn::kNone;
  double dx = 0, dy = 0;  ///< px by which the stars lie beside their places after the turn
  int matched = 0;        ///< stars that then agree; 0: no turn and move fits
};

/// Searches the turn and move that bring the most stars of `list` onto stars of `own` (`own` = turned list +
/// (dx, dy) within 1.5 px), both brightest first, in images of width x height px. At most 60 of each are
/// used. A fit counts from 5 stars on and a third of those that it brings into the image. Ties go to the
/// earlier turn, then to the smaller move.
FieldMatch match_fields(const std::vector<ReferenceStar>& list, const std::vector<ReferenceStar>& own,
                        int width, int height);

}  // namespace tilecompile
