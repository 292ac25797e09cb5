#include "tilecompile/align/debayer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

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

/// The neighbours whose mean a pixel is: their places in the order of rows, one, two or four of them.
struct Neighbours {
  std::array<int, 4> dx{}, dy{};
  int count = 0;
};

// Those of all pixels at such a place of the pattern; none where the rule is none for rows at once.
std::optional<Neighbours> neighbours_of(const CfaPattern& pattern, int colour, int x, int y) {
  if (pattern.at(x, y) == colour) return Neighbours{{}, {}, 1};
  for (const bool diagonal : {false, true}) {
    Neighbours found;
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) {
        if ((dx == 0 && dy == 0) || (dx != 0 && dy != 0) != diagonal) continue;
        if (pattern.at(x + dx, y + dy) != colour) continue;
        found.dx[static_cast<std::size_t>(found.count)] = dx;
        found.dy[static_cast<std::size_t>(found.count++)] = dy;
      }
    if (found.count == 2 || found.count == 4) return found;
    if (found.count > 0) return std::nullopt;
  }
  return std::nullopt;
}

// Means of n pixels of one, two or four samples each.
TILECOMPILE_VECTOR_BODY void mean_rows_body(const float* const* from, int count, int n,
                                            float* __restrict to) {
  const float* __restrict a = from[0];
  if (count == 1) {
    for (int x = 0; x < n; ++x) to[x] = a[x];
    return;
  }
  const float* __restrict b = from[1];
  if (count == 2) {
    for (int x = 0; x < n; ++x)
      to[x] = static_cast<float>((static_cast<double>(a[x]) + static_cast<double>(b[x])) / 2);
    return;
  }
  const float* __restrict c = from[2], * __restrict d = from[3];
  for (int x = 0; x < n; ++x)
    to[x] = static_cast<float>((static_cast<double>(a[x]) + static_cast<double>(b[x]) +
                                static_cast<double>(c[x]) + static_cast<double>(d[x])) /
                               4);
}
TILECOMPILE_VECTOR_LEVELS(mean_rows, (const float* const* from, int count, int n, float* to),
                          (from, count, n, to))

// n pixels of a row that have all their neighbours in the box. Both kinds of a row's pixels are made
// everywhere and taken in turn; `other`: room for n samples.
bool interpolate_row(const CfaPattern& pattern, int colour, const PlaneView<float>& samples, const Box& from,
                     int x0, int y, int n, float* other, float* result) {
  for (const int turn : {0, 1}) {
    const std::optional<Neighbours> mean_of = neighbours_of(pattern, colour, x0 + turn, y);
    if (!mean_of) return false;
    std::array<const float*, 4> rows{};
    for (std::size_t i = 0; i < static_cast<std::size_t>(mean_of->count); ++i)
      rows[i] = samples.row(y + mean_of->dy[i] - from.y0) + (x0 + mean_of->dx[i] - from.x0);
    mean_rows(rows.data(), mean_of->count, n, turn == 0 ? result : other);
  }
  for (int x = 1; x < n; x += 2) result[x] = other[x];
  return true;
}

float interpolated_pixel(const CfaPattern& pattern, int colour, const PlaneView<float>& samples,
                         const Box& from, int x, int y) {
  return pattern.at(x, y) == colour ? samples.at(x - from.x0, y - from.y0)
                                    : mean_of_neighbours(pattern, colour, samples, from, x, y);
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
  const int first = std::max(wanted.x0, from.x0 + 1), n = std::min(wanted.x1(), from.x1() - 1) - first;
  std::vector<float> other(static_cast<std::size_t>(std::max(0, n)));
  for (int y = wanted.y0; y < wanted.y1(); ++y, result += wanted.w) {
    const bool inside = n > 0 && y > from.y0 && y < from.y1() - 1;
    float* const middle = result + (first - wanted.x0);
    const bool made =
        inside && interpolate_row(pattern, colour, samples, from, first, y, n, other.data(), middle);
    for (int x = wanted.x0; x < wanted.x1(); ++x) {
      float& pixel = result[x - wanted.x0];
      const bool known = made && x >= first && x < first + n && pixel == pixel;  // NaN: some neighbour is
      if (!known) pixel = interpolated_pixel(pattern, colour, samples, from, x, y);
    }
  }
}

Box with_neighbours(const Box& box, int width, int height) {
  const int x0 = std::max(0, box.x0 - 1), y0 = std::max(0, box.y0 - 1);
  return {x0, y0, std::min(width, box.x1() + 1) - x0, std::min(height, box.y1() + 1) - y0};
}

}  // namespace tilecompile
