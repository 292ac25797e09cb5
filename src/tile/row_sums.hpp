#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// The canonical frame sums of one row of pixels (`methodology.md` 0.4).
struct RowSums {
  explicit RowSums(std::size_t width)
      : value(width), weight(width), squares(width), variance(width), count(width) {}
  std::vector<double> value, weight, squares, variance;  ///< of w m I', w m, w^2 m, w^2 m sigma^2
  std::vector<std::int32_t> count;                       ///< of m
  std::array<std::vector<double>*, PartialSums::kSums> sums() {
    return {&value, &weight, &squares, &variance};
  }
};

/// Those of two means at once, one with the weights W and one with q.
struct TwoRowSums {
  explicit TwoRowSums(std::size_t width)
      : sharp_value(width), sharp_weight(width), quiet_value(width), quiet_weight(width), count(width) {}
  std::vector<double> sharp_value, sharp_weight, quiet_value, quiet_weight;  ///< of w m I' and w m
  std::vector<std::int32_t> count;                                           ///< of m
  std::array<std::vector<double>*, 4> sums() {
    return {&sharp_value, &sharp_weight, &quiet_value, &quiet_weight};
  }
};

/// Sums row `y` of the cut-outs in chunks of `chunk` frames, pixel by pixel in the order of the frames.
void sum_row(const std::vector<WeightedCutout>& cutouts, const PixelMix& mix, int y, std::size_t chunk,
             RowSums& sums);
/// The same with equal weights and nothing rejected.
void plain_row(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, RowSums& sums);
/// The sums of I' with the weights W ramp and q ramp: the bits of sum_row with either.
void sum_row_twice(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, TwoRowSums& sums);

}  // namespace tilecompile
