#pragma once
#include <array>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Colour (0 red, 1 green, 2 blue) of the four pixels of a colour sensor's pattern as rows are stored: of
/// (0, 0), (1, 0), (0, 1), (1, 1).
struct CfaPattern {
  std::array<int, 4> colour{};
  int at(int x, int y) const { return colour[static_cast<std::size_t>((y & 1) * 2 + (x & 1))]; }
};

/// The pattern of letters such as "RGGB", first row first.
CfaPattern cfa_pattern(const std::string& letters);

/// One colour at every pixel of `wanted`, row by row into `result`, by the bilinear rule: a pixel of the
/// colour itself as it is; else the mean of its nearest neighbours of the colour, the valid ones among two or
/// four, in the order of rows; NaN when there are none. A pixel of the colour that is invalid stays so.
/// `samples` show the box `from` of a sensor of width x height px, which holds `wanted` and its neighbours as
/// far as the sensor goes. A pixel does not depend on the boxes.
void interpolate_colour(const CfaPattern& pattern, int colour, const PlaneView<float>& samples,
                        const Box& from, const Box& wanted, float* result);

/// `box` with its neighbours, as far as the sensor goes.
Box with_neighbours(const Box& box, int width, int height);

}  // namespace tilecompile
