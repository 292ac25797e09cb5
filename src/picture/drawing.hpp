#pragma once
#include <cstdint>
#include <vector>

#include "stretch.hpp"
#include "tilecompile/picture/preview.hpp"

namespace tilecompile {

/// A picture as it is shown: rows top to bottom, channels interleaved, 16 bits a sample.
struct Drawing {
  int width = 0, height = 0, channels = 1;
  std::vector<std::uint16_t> samples;
  /// Sets a pixel of a picture in colour; nothing outside of it.
  void set(int x, int y, const std::uint16_t (&colour)[3]);
};

/// Draws `image` with one stretch a channel, its first row at the bottom; what has no data is a dark checker.
Drawing draw(const Image& image, const std::vector<PreviewStretch>& stretches);
/// The same in three channels.
Drawing in_colour(const Drawing& grey);

/// Lines every `step` pixels of the image with their numbers at the margin; `scale`: pixels of the drawing a
/// pixel of the image. The image's rows count from the bottom. The drawing must be in colour.
void draw_grid(Drawing& drawing, int step, double scale);
/// Rings of `mark.radius_px` pixels of the image.
void draw_marks(Drawing& drawing, const std::vector<PictureMark>& marks, double scale);

}  // namespace tilecompile
