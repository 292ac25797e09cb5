#pragma once
#include <vector>

#include "tilecompile/align/fit_transform.hpp"
#include "tilecompile/align/star_list.hpp"

namespace tilecompile {

/// What was found out about two lists of stars.
struct StarMatch {
  std::vector<StarPair> pairs;  ///< in the order of the reference's list; empty: no match
  bool mirrored = false;        ///< the mirror image of the frame has more in common with the reference
};

/// Which stars of a frame are which of the reference (`raw.md` R3.3), both lists in the order of
/// choose_stars. Any rotation and shift, scales from 0.9 to 1.1. Triangles of similar shape vote for pairs of
/// stars; two pairs make a similarity, which all stars then have to confirm; the pairs are found anew with
/// models that grow up to a cubic one. A match has at least 5 stars and more than chance would give. Nothing
/// is random, and every order is total.
StarMatch match_stars(const std::vector<FrameStar>& reference, const std::vector<FrameStar>& frame);

}  // namespace tilecompile
