#pragma once
#include <vector>

#include "tilecompile/align/star_list.hpp"

namespace tilecompile {

/// Scale of a frame over that of the reference (`raw.md` R3.3).
inline constexpr double kLeastScale = 0.9, kLargestScale = 1.1;

/// Two stars that triangles take for the same, and how many triangles do.
struct Vote {
  int reference = 0, frame = 0, votes = 0;
};

/// Compares the triangles of the brightest `most` stars of both lists by the ratios of their sides, their
/// orientation and their size (0.9 to 1.1). `near` > 0: of each star and its `near` nearest neighbours only,
/// which lie together in pictures that overlap little. Most votes first, ties by the indices.
std::vector<Vote> vote_by_triangles(const std::vector<FrameStar>& reference,
                                    const std::vector<FrameStar>& frame, int most, int near);

}  // namespace tilecompile
