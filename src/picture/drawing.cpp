#include "drawing.hpp"

#include <cmath>
#include <string>

namespace tilecompile {
namespace {

constexpr int kCheckerPx = 8;
constexpr std::uint16_t kMissing[2] = {24 * 257, 14 * 257};
constexpr std::uint16_t kLineColour[3] = {20000, 42000, 60000}, kMarkColour[3] = {65535, 45000, 10000};
constexpr int kDigitWidth = 3, kDigitHeight = 5, kDotPx = 2;
constexpr double kRingSteps = 6;  // of a ring, points a pixel of its radius

// Rows of the digits 0 to 9, the leftmost dot in the highest of three bits.
constexpr std::uint8_t kDigits[10][kDigitHeight] = {
    {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 7, 1, 7}, {5, 5, 7, 1, 1},
    {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 2, 2, 2}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7}};

void draw_number(Drawing& drawing, int x, int y, int number) {
  for (const char c : std::to_string(number)) {
    for (int row = 0; row < kDigitHeight; ++row)
      for (int column = 0; column < kDigitWidth; ++column)
        if ((kDigits[c - '0'][row] >> (kDigitWidth - 1 - column) & 1) != 0)
          for (int j = 0; j < kDotPx; ++j)
            for (int i = 0; i < kDotPx; ++i)
              drawing.set(x + column * kDotPx + i, y + row * kDotPx + j, kLineColour);
    x += (kDigitWidth + 1) * kDotPx;
  }
}

}  // namespace

void Drawing::set(int x, int y, const std::uint16_t (&colour)[3]) {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  std::uint16_t* at = samples.data() + (static_cast<std::ptrdiff_t>(y) * width + x) * 3;
  for (int c = 0; c < 3; ++c) at[c] = colour[c];
}

Drawing draw(const Image& image, const std::vector<PreviewStretch>& stretches) {
  const std::size_t channels = image.size();
  Drawing drawing{image.front().width(), image.front().height(), static_cast<int>(channels), {}};
  drawing.samples.resize(image.front().size() * channels);
  for (std::size_t c = 0; c < channels; ++c) {
    std::uint16_t* to = drawing.samples.data() + c;
    for (int y = 0; y < drawing.height; ++y) {
      const float* row = image[c].row(drawing.height - 1 - y);
      for (int x = 0; x < drawing.width; ++x, to += channels)
        *to = std::isfinite(row[x]) ? static_cast<std::uint16_t>(std::lround(65535 * stretches[c](row[x])))
                                    : kMissing[(x / kCheckerPx + y / kCheckerPx) % 2 == 0 ? 1 : 0];
    }
  }
  return drawing;
}

Drawing in_colour(const Drawing& grey) {
  if (grey.channels == 3) return grey;
  Drawing colour{grey.width, grey.height, 3, {}};
  colour.samples.reserve(grey.samples.size() * 3);
  for (const std::uint16_t v : grey.samples) colour.samples.insert(colour.samples.end(), 3, v);
  return colour;
}

void draw_grid(Drawing& drawing, int step, double scale) {
  for (int i = 0; i * scale < drawing.width; i += step) {
    const int x = static_cast<int>((i + 0.5) * scale);
    for (int y = 0; y < drawing.height; ++y) drawing.set(x, y, kLineColour);
    draw_number(drawing, x + 3, drawing.height - kDigitHeight * kDotPx - 3, i);
  }
  for (int i = 0; i * scale < drawing.height; i += step) {
    const int y = drawing.height - 1 - static_cast<int>((i + 0.5) * scale);
    for (int x = 0; x < drawing.width; ++x) drawing.set(x, y, kLineColour);
    if (i > 0) draw_number(drawing, 3, y - kDigitHeight * kDotPx - 3, i);
  }
}

void draw_marks(Drawing& drawing, const std::vector<PictureMark>& marks, double scale) {
  for (const PictureMark& mark : marks) {
    const double radius = mark.radius_px * scale, x = (mark.x + 0.5) * scale, y = (mark.y + 0.5) * scale;
    const int steps = 12 + static_cast<int>(kRingSteps * radius);
    for (int i = 0; i < steps; ++i) {
      const double angle = 2 * M_PI * i / steps;
      drawing.set(static_cast<int>(x + radius * std::cos(angle)),
                  drawing.height - 1 - static_cast<int>(y + radius * std::sin(angle)), kMarkColour);
    }
  }
}

}  // namespace tilecompile
