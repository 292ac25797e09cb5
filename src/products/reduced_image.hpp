#pragma once
#include <vector>

#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What becomes of the pixels that fall into one cell.
enum class Reduce { kMean, kMedian };

/// A channel of an image in cells, so that its long side has at most `long_side` of them; NaN where a cell
/// has no valid pixel. At most `most_rows` rows of a cell are read, evenly spread. Only the rows of one row
/// of cells are in memory. Throws what FrameReader throws.
Plane<float> reduced(FrameReader& image, int channel, int long_side, Reduce how, int most_rows);

/// A box of one channel, pixel by pixel.
Plane<float> part_of(FrameReader& image, int channel, const Box& box);

}  // namespace tilecompile
