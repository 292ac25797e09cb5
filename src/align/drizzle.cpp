#include "tilecompile/align/drizzle.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kMostColours = 3;
constexpr double kFarthestCorner_px = 1e8;  // beyond, a place does not convert to whole numbers
constexpr float kNoDrop = std::numeric_limits<float>::quiet_NaN();

constexpr int kPixels = 16;  // of a row that are made together, so that vectors hold them
using Lanes = double[kPixels];

// The smaller and the larger one as std::min and std::max take them; a choice that vectors can make.
[[gnu::always_inline]] inline double smaller(double a, double b) { return b < a ? b : a; }
[[gnu::always_inline]] inline double larger(double a, double b) { return a < b ? b : a; }

// Integral of min(max(y, 0), 1) from -infinity to y.
[[gnu::always_inline]] inline double light_up_to(double y) {
  const double inside = 0.5 * y * y, above = y - 0.5;
  const double lit = y < 1 ? inside : above;
  return y <= 0 ? 0 : lit;
}

// Area between an edge from a to b and the axis inside the unit square; negative when the edge goes to the
// left. All cases are computed and one is taken, as vectors have it.
[[gnu::always_inline]] inline double area_below_edge(double from_x, double from_y, double to_x, double to_y) {
  const bool leftwards = from_x > to_x;
  const double sign = leftwards ? -1.0 : 1.0;
  const double ax = leftwards ? to_x : from_x, ay = leftwards ? to_y : from_y;
  const double bx = leftwards ? from_x : to_x, by = leftwards ? from_y : to_y;
  const double x0 = larger(ax, 0.0), x1 = smaller(bx, 1.0);
  const double slope = (by - ay) / (bx - ax);
  const double y0 = ay + slope * (x0 - ax), y1 = ay + slope * (x1 - ax);
  const double low = smaller(y0, y1), high = larger(y0, y1);
  const double full = sign * (x1 - x0);
  const double trapezium = full * 0.5 * (y0 + y1);
  const double cut = full * (light_up_to(y1) - light_up_to(y0)) / (y1 - y0);
  const double partly = (low >= 0) & (high <= 1) ? trapezium : cut;
  const double some = low >= 1 ? full : partly;
  const double any = high <= 0 ? 0 : some;
  return x0 < x1 ? any : 0;
}

[[gnu::always_inline]] inline double area_of_corners(double x0, double y0, double x1, double y1, double x2,
                                                     double y2, double x3, double y3) {
  double area = 0;
  area += area_below_edge(x0, y0, x1, y1);
  area += area_below_edge(x1, y1, x2, y2);
  area += area_below_edge(x2, y2, x3, y3);
  area += area_below_edge(x3, y3, x0, y0);
  return std::abs(area);
}

/// Pixels of a row of the output in the frame: their corners, clockwise, and which raw pixels' drops they
/// reach.
struct PixelRow {
  Lanes x[4], y[4], area;  ///< area 0: there is no such pixel
  int left[kPixels], top[kPixels], columns[kPixels], rows[kPixels];
};

TILECOMPILE_VECTOR_BODY void find_reach_body(PixelRow& p, double half, int width, int height) {
  for (int k = 0; k < kPixels; ++k) {
    double left = p.x[0][k], right = left, top = p.y[0][k], bottom = top, farthest = std::abs(left);
    for (int i = 0; i < 4; ++i) {
      left = smaller(left, p.x[i][k]);
      right = larger(right, p.x[i][k]);
      top = smaller(top, p.y[i][k]);
      bottom = larger(bottom, p.y[i][k]);
      farthest = larger(farthest, larger(std::abs(p.x[i][k]), std::abs(p.y[i][k])));
    }
    const double twice =
        (p.x[2][k] - p.x[0][k]) * (p.y[3][k] - p.y[1][k]) - (p.x[3][k] - p.x[1][k]) * (p.y[2][k] - p.y[0][k]);
    const double area = 0.5 * std::abs(twice);
    const bool there = (area > 0) & (farthest < kFarthestCorner_px);  // NaN is not
    const double first_x = there ? larger(std::ceil(left - half), 0.0) : 0.0;
    const double last_x = there ? smaller(std::floor(right + half), width - 1.0) : -1.0;
    const double first_y = there ? larger(std::ceil(top - half), 0.0) : 0.0;
    const double last_y = there ? smaller(std::floor(bottom + half), height - 1.0) : -1.0;
    const bool meets = (first_x <= last_x) & (first_y <= last_y);
    p.left[k] = static_cast<int>(meets ? first_x : 0.0);
    p.top[k] = static_cast<int>(meets ? first_y : 0.0);
    p.columns[k] = static_cast<int>(meets ? last_x - first_x + 1 : 0.0);
    p.rows[k] = static_cast<int>(meets ? last_y - first_y + 1 : 0.0);
    p.area[k] = there ? area : 0.0;
  }
}
TILECOMPILE_VECTOR_LEVELS(find_reach, (PixelRow & p, double half, int width, int height),
                          (p, half, width, height))

/// One raw pixel for each pixel of the row, of no light and no colour where a pixel has none.
struct DropRow {
  Lanes left, top;  ///< corner of the drop
  Lanes sample, colour;
};
struct DropSums {
  Lanes area[kMostColours] = {}, light[kMostColours] = {};
};

TILECOMPILE_VECTOR_BODY void add_drops_body(const PixelRow& p, const DropRow& d, double drop, int colours,
                                            DropSums& sums) {
  Lanes shared;
  for (int k = 0; k < kPixels; ++k) {
    const double left = d.left[k], top = d.top[k];
    const double area =
        area_of_corners((p.x[0][k] - left) / drop, (p.y[0][k] - top) / drop, (p.x[1][k] - left) / drop,
                        (p.y[1][k] - top) / drop, (p.x[2][k] - left) / drop, (p.y[2][k] - top) / drop,
                        (p.x[3][k] - left) / drop, (p.y[3][k] - top) / drop);
    shared[k] = area * drop * drop;
  }
  for (int c = 0; c < colours; ++c)
    for (int k = 0; k < kPixels; ++k) {
      const double light = shared[k] * d.sample[k];
      sums.area[c][k] += d.colour[k] == c ? shared[k] : 0.0;
      sums.light[c][k] += d.colour[k] == c ? light : 0.0;
    }
}
TILECOMPILE_VECTOR_LEVELS(add_drops,
                          (const PixelRow& p, const DropRow& d, double drop, int colours, DropSums& sums),
                          (p, d, drop, colours, sums))

class Drizzler {
 public:
  Drizzler(const FramePart& part, const std::optional<CfaPattern>& pattern, double drop)
      : part_(part), pattern_(pattern), drop_(drop) {}

  void add(PixelRow& p, DropSums& sums) const {
    find_reach(p, 0.5 * drop_, part_.width, part_.height);
    const int columns = *std::max_element(std::begin(p.columns), std::end(p.columns));
    const int rows = *std::max_element(std::begin(p.rows), std::end(p.rows));
    for (int j = 0; j < rows; ++j)
      for (int i = 0; i < columns; ++i) {
        DropRow drops;
        bool any = false;
        for (int k = 0; k < kPixels; ++k) any = take(p, i, j, k, drops) || any;
        if (any) add_drops(p, drops, drop_, pattern_ ? kMostColours : 1, sums);
      }
  }

 private:
  // Whether pixel k of the row has a raw pixel there that is valid.
  bool take(const PixelRow& p, int i, int j, int k, DropRow& drops) const {
    constexpr double kNoColour = -1;
    const int x = p.left[k] + i, y = p.top[k] + j;
    drops.left[k] = x - 0.5 * drop_;
    drops.top[k] = y - 0.5 * drop_;
    drops.sample[k] = 0;
    drops.colour[k] = kNoColour;
    if (i >= p.columns[k] || j >= p.rows[k]) return false;
    const float s = sample_at(x, y);
    if (!(std::abs(s) <= std::numeric_limits<float>::max())) return false;
    drops.sample[k] = s;
    drops.colour[k] = pattern_ ? pattern_->at(x, y) : 0;
    return true;
  }

  float sample_at(int x, int y) const {
    if (!part_.box.contains({x, y, 1, 1}))
      throw ContractError("drizzling needs pixel (" + std::to_string(x) + ", " + std::to_string(y) +
                          ") of a frame, which was not read");
    return part_.samples.at(x - part_.box.x0, y - part_.box.y0);
  }

  const FramePart& part_;
  const std::optional<CfaPattern>& pattern_;
  double drop_;
};

// The corners along the upper edge of a row of output pixels, in the frame.
void carry_corners(const Transform& t, const OutputGrid& grid, const Box& out, int row,
                   std::vector<Point>& corners) {
  const RowTransform along(t, grid.y(row) - 0.5 * grid.step);
  for (int x = out.x0; x <= out.x1(); ++x)
    corners[static_cast<std::size_t>(x - out.x0)] = along.at(grid.x(x) - 0.5 * grid.step);
}

// The corners of pixels x0 .. x0+n-1 of a row; those after them are no pixels.
void take_corners(const std::vector<Point>& above, const std::vector<Point>& beneath, std::size_t x0,
                  std::size_t n, PixelRow& p) {
  p = {};
  for (std::size_t k = 0; k < n; ++k) {
    const Point* const corners[4] = {&above[x0 + k], &above[x0 + k + 1], &beneath[x0 + k + 1],
                                     &beneath[x0 + k]};
    for (int i = 0; i < 4; ++i) {
      p.x[i][k] = corners[i]->x;
      p.y[i][k] = corners[i]->y;
    }
  }
}

void store(const DropSums& sums, const PixelRow& p, std::size_t n, std::size_t at,
           const std::vector<DrizzledChannel>& channels) {
  for (std::size_t c = 0; c < channels.size(); ++c)
    for (std::size_t k = 0; k < n; ++k) {
      const double area = p.area[k] > 0 ? p.area[k] : 1, covered = sums.area[c][k];
      const double share = std::min(1.0, covered / area);
      const bool any = share >= kLeastShare;
      channels[c].samples[at + k] = any ? static_cast<float>(area * (sums.light[c][k] / covered)) : kNoDrop;
      channels[c].shares[at + k] = any ? static_cast<float>(share) : 0;
    }
}

}  // namespace

double area_in_unit_square(const Point (&q)[4]) {
  return area_of_corners(q[0].x, q[0].y, q[1].x, q[1].y, q[2].x, q[2].y, q[3].x, q[3].y);
}

void drizzle(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
             const std::optional<CfaPattern>& pattern, double drop,
             const std::vector<DrizzledChannel>& channels) {
  const Drizzler drizzler(part, pattern, drop);
  const auto width = static_cast<std::size_t>(out.w);
  std::vector<Point> above(width + 1), beneath = above;
  carry_corners(t, grid, out, out.y0, beneath);
  std::size_t at = 0;
  PixelRow pixels;
  for (int y = out.y0; y < out.y1(); ++y, at += width) {
    std::swap(above, beneath);
    carry_corners(t, grid, out, y + 1, beneath);
    for (std::size_t x0 = 0; x0 < width; x0 += kPixels) {
      const std::size_t n = std::min<std::size_t>(kPixels, width - x0);
      take_corners(above, beneath, x0, n, pixels);
      DropSums sums;
      drizzler.add(pixels, sums);
      store(sums, pixels, n, at + x0, channels);
    }
  }
}

}  // namespace tilecompile
