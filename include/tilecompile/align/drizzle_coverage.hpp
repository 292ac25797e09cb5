#pragma once
#include <optional>
#include <vector>

#include "tilecompile/align/drizzle.hpp"
#include "tilecompile/align/output_area.hpp"

namespace tilecompile {

/// How the drops of frames would cover the output, on a sample of its pixels: patches of 4 x 4 px at 16 x 16
/// places, those that at least half of the frames show.
struct DrizzleCoverage {
  int frames = 0;
  double missing = 0;           ///< part of the pixels and colours that no drop reaches; 1 without a patch
  double missing_in_one = 0;    ///< the same of one frame alone, on average
  double least = 0;             ///< sum of shares over the frames that 99 of 100 pixels and colours have
  double dither_px = 0;         ///< rms distance of the frames' shifts from their mean, in frame px
  double mean = 0, spread = 0;  ///< of these sums in the colour that has least, and their standard deviation

  /// Frames, shifted against each other as these are, that leave no more than kMostMissing without a drop.
  int frames_needed() const;
  /// What is to be expected of `all` frames, shifted against each other as these are: a sample of them.
  DrizzleCoverage of_more(int all) const;
  /// The frames lie on each other so that more of them add little: together they reach no more than two
  /// frames with chance shifts would.
  bool lacks_dither() const;
};

inline constexpr double kMostMissing = 0.001;

DrizzleCoverage drizzle_coverage(const std::vector<PlacedFrame>& frames, const OutputGrid& grid,
                                 const std::optional<CfaPattern>& pattern, double drop);

}  // namespace tilecompile
