#pragma once
#include <cstdint>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Outcome of comparing two images bit by bit (every NaN equals every other NaN).
struct ImageDifference {
  bool equal = true;
  bool same_shape = true;
  std::uint64_t pixels = 0;       ///< how many differ
  int channel = 0, x = 0, y = 0;  ///< the first that differs, 0-based, plane by plane and row by row
  float a = 0, b = 0;
  double largest = 0;  ///< largest |a - b| over the finite pairs that differ
};

ImageDifference compare_images(const Image& a, const Image& b);
/// One or two lines for people.
std::string describe_difference(const ImageDifference& difference);

}  // namespace tilecompile
