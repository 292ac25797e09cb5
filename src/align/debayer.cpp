#include "tilecompile/align/debayer.hpp"

#include <algorithm>
#include <limits>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

int colour_of(char letter) {
  const std::string letters = "RGB";
  const auto found = letters.find(letter);
  if (found == std::string::npos)
    throw ContractError(std::string("'") + letter + "' is no colour of a sensor's pattern");
  return static_cast<int>(found);
}

// The mean of the valid samples of the colour among the eight neighbours, all of which are at the same
// distance or, beside red and blue on the diagonal, nearest ones first.
float mean_of_neighbours(const CfaPattern& pattern, int colour, const PlaneView<float>& samples,
                         const Box& from, int x, int y) {
  for (const bool diagonal : {false, true}) {
    double sum = 0, count = 0;
    bool any = false;
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) {
        if ((dx == 0 && dy == 0) || (dx != 0 && dy != 0) != diagonal) continue;
        if (pattern.at(x + dx, y + dy) != colour) continue;
        any = true;
        if (x + dx < from.x0 || y + dy < from.y0 || x + dx >= from.x1() || y + dy >= from.y1()) continue;
        const float s = samples.at(x + dx - from.x0, y + dy - from.y0);
        if (s != s) continue;
        sum += s;
        count += 1;
      }
    if (any) return count > 0 ? static_cast<float>(sum / count) : std::numeric_limits<float>::quiet_NaN();
  }
  return std::numeric_limits<float>::quiet_NaN();
}

}  // namespace

CfaPattern cfa_pattern(const std::string& letters) {
  if (letters.size() != 4)
    throw ContractError("a sensor's pattern has four letters, '" + letters + "' has not");
  CfaPattern pattern;
  for (std::size_t i = 0; i < 4; ++i) pattern.colour[i] = colour_of(letters[i]);
  return pattern;
}

void interpolate_colour(const CfaPattern& pattern, int colour, const PlaneView<float>& samples,
                        const Box& from, const Box& wanted, float* result) {
  for (int y = wanted.y0; y < wanted.y1(); ++y)
    for (int x = wanted.x0; x < wanted.x1(); ++x)
      *result++ = pattern.at(x, y) == colour ? samples.at(x - from.x0, y - from.y0)
                                             : mean_of_neighbours(pattern, colour, samples, from, x, y);
}

Box with_neighbours(const Box& box, int width, int height) {
  const int x0 = std::max(0, box.x0 - 1), y0 = std::max(0, box.y0 - 1);
  return {x0, y0, std::min(width, box.x1() + 1) - x0, std::min(height, box.y1() + 1) - y0};
}

}  // namespace tilecompile
