#include "tilecompile/align/drizzle.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kMostColours = 3;
constexpr double kFarthestCorner_px = 1e8;  // beyond, a place does not convert to whole numbers
constexpr float kNoDrop = std::numeric_limits<float>::quiet_NaN();

using Quadrilateral = Point[4];

// Integral of min(max(y, 0), 1) from -infinity to y.
double light_up_to(double y) {
  if (y <= 0) return 0;
  return y < 1 ? 0.5 * y * y : y - 0.5;
}

// Area between an edge and the axis inside the unit square; negative when the edge goes to the left.
double area_below_edge(Point a, Point b) {
  double sign = 1;
  if (a.x > b.x) {
    std::swap(a, b);
    sign = -1;
  }
  const double x0 = std::max(a.x, 0.0), x1 = std::min(b.x, 1.0);
  if (!(x0 < x1)) return 0;
  const double slope = (b.y - a.y) / (b.x - a.x);
  const double y0 = a.y + slope * (x0 - a.x), y1 = a.y + slope * (x1 - a.x);
  const double low = std::min(y0, y1), high = std::max(y0, y1);
  if (high <= 0) return 0;
  if (low >= 1) return sign * (x1 - x0);
  if (low >= 0 && high <= 1) return sign * (x1 - x0) * 0.5 * (y0 + y1);
  return sign * (x1 - x0) * (light_up_to(y1) - light_up_to(y0)) / (y1 - y0);
}

double area_of(const Quadrilateral& q) {
  return 0.5 * std::abs((q[2].x - q[0].x) * (q[3].y - q[1].y) - (q[3].x - q[1].x) * (q[2].y - q[0].y));
}

struct ReachedRange {
  int first, last;
};

// The raw pixels whose drops reach between two places.
ReachedRange reached(double low, double high, double half, int length) {
  return {std::max(0, static_cast<int>(std::ceil(low - half))),
          std::min(length - 1, static_cast<int>(std::floor(high + half)))};
}

struct DropSums {
  std::array<double, kMostColours> area{}, light{};
};

class Drizzler {
 public:
  Drizzler(const FramePart& part, const std::optional<CfaPattern>& pattern, double drop)
      : part_(part), pattern_(pattern), drop_(drop) {}

  DropSums add(const Quadrilateral& q) const {
    const auto [left, right] = std::minmax({q[0].x, q[1].x, q[2].x, q[3].x});
    const auto [top, bottom] = std::minmax({q[0].y, q[1].y, q[2].y, q[3].y});
    const double half = 0.5 * drop_;
    const ReachedRange columns = reached(left, right, half, part_.width);
    const ReachedRange rows = reached(top, bottom, half, part_.height);
    DropSums sums;
    for (int y = rows.first; y <= rows.last; ++y)
      for (int x = columns.first; x <= columns.last; ++x) {
        const float s = sample_at(x, y);
        if (!(std::abs(s) <= std::numeric_limits<float>::max())) continue;
        const double area = overlap(q, x - half, y - half);
        const auto c = static_cast<std::size_t>(pattern_ ? pattern_->at(x, y) : 0);
        sums.area[c] += area;
        sums.light[c] += area * s;
      }
    return sums;
  }

 private:
  double overlap(const Quadrilateral& q, double left, double top) const {
    Quadrilateral scaled;
    for (int i = 0; i < 4; ++i) scaled[i] = {(q[i].x - left) / drop_, (q[i].y - top) / drop_};
    return area_in_unit_square(scaled) * drop_ * drop_;
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

bool near_image(const Quadrilateral& q) {
  return std::all_of(std::begin(q), std::end(q), [](const Point& p) {
    return std::abs(p.x) < kFarthestCorner_px && std::abs(p.y) < kFarthestCorner_px;
  });
}

void store(const DropSums& sums, double area, std::size_t at, const std::vector<DrizzledChannel>& channels) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const double share = std::min(1.0, sums.area[c] / area);
    const bool any = share >= kLeastShare;
    channels[c].samples[at] = any ? static_cast<float>(area * (sums.light[c] / sums.area[c])) : kNoDrop;
    channels[c].shares[at] = any ? static_cast<float>(share) : 0;
  }
}

}  // namespace

double area_in_unit_square(const Point (&quadrilateral)[4]) {
  double area = 0;
  for (int i = 0; i < 4; ++i) area += area_below_edge(quadrilateral[i], quadrilateral[(i + 1) % 4]);
  return std::abs(area);
}

void drizzle(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
             const std::optional<CfaPattern>& pattern, double drop,
             const std::vector<DrizzledChannel>& channels) {
  const Drizzler drizzler(part, pattern, drop);
  std::vector<Point> above(static_cast<std::size_t>(out.w) + 1), beneath = above;
  carry_corners(t, grid, out, out.y0, beneath);
  std::size_t at = 0;
  for (int y = out.y0; y < out.y1(); ++y) {
    std::swap(above, beneath);
    carry_corners(t, grid, out, y + 1, beneath);
    for (std::size_t x = 0; x < static_cast<std::size_t>(out.w); ++x, ++at) {
      const Quadrilateral q{above[x], above[x + 1], beneath[x + 1], beneath[x]};
      const double area = area_of(q);
      const bool there = near_image(q) && area > 0;
      store(there ? drizzler.add(q) : DropSums{}, there ? area : 1, at, channels);
    }
  }
}

}  // namespace tilecompile
