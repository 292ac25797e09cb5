#include "tilecompile/align/output_area.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tilecompile {
namespace {

constexpr int kStepsASide = 32;
constexpr int kPlacesASide = 256;

// Places along the outline of a frame, in the reference.
std::vector<Point> outline(const PlacedFrame& frame) {
  std::vector<Point> places;
  const double right = frame.width - 1, bottom = frame.height - 1;
  for (int i = 0; i < kStepsASide; ++i) {
    const double part = static_cast<double>(i) / kStepsASide;
    for (const Point at : {Point{part * right, 0}, Point{right, part * bottom},
                           Point{right - part * right, bottom}, Point{0, bottom - part * bottom}})
      if (const auto place = unmap(frame.transform, at)) places.push_back(*place);
  }
  return places;
}

struct Area {
  double left, top, right, bottom;
};

Area whole_area(const std::vector<PlacedFrame>& frames, Area area) {
  for (const PlacedFrame& frame : frames)
    for (const Point p : outline(frame)) {
      area.left = std::min(area.left, p.x);
      area.top = std::min(area.top, p.y);
      area.right = std::max(area.right, p.x);
      area.bottom = std::max(area.bottom, p.y);
    }
  return area;
}

bool in_every_frame(const std::vector<PlacedFrame>& frames, Point at) {
  return std::all_of(frames.begin(), frames.end(), [&](const PlacedFrame& frame) {
    const Point p = map(frame.transform, at);
    return p.x >= 0 && p.y >= 0 && p.x <= frame.width - 1 && p.y <= frame.height - 1;
  });
}

// The largest box whose lower right corner lies in row `row`: heights[c] places above it are good in column
// c.
void widen(const std::vector<int>& heights, int row, std::array<int, 4>& best, int& most) {
  for (int c = 0; c < static_cast<int>(heights.size()); ++c) {
    int height = heights[static_cast<std::size_t>(c)];
    for (int left = c; left >= 0 && height > 0; --left) {
      height = std::min(height, heights[static_cast<std::size_t>(left)]);
      if ((c - left) * (height - 1) <= most) continue;
      most = (c - left) * (height - 1);
      best = {left, row - height + 1, c, row};
    }
  }
}

// The largest box of places that lie in every frame, of a grid of at most kPlacesASide places.
Area common_area(const std::vector<PlacedFrame>& frames, const Area& whole) {
  const double step = std::max(1.0, std::ceil((std::max(whole.right, whole.bottom) + 1) / kPlacesASide));
  const int columns = static_cast<int>(whole.right / step) + 1,
            rows = static_cast<int>(whole.bottom / step) + 1;
  std::vector<int> heights(static_cast<std::size_t>(columns));
  std::array<int, 4> best{};
  int most = 0;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) {
      int& height = heights[static_cast<std::size_t>(c)];
      height = in_every_frame(frames, {c * step, r * step}) ? height + 1 : 0;
    }
    widen(heights, r, best, most);
  }
  if (most == 0) return {0, 0, -1, -1};
  return {best[0] * step, best[1] * step, best[2] * step, best[3] * step};
}

}  // namespace

Framing framing_from_name(std::string_view name) {
  if (name == "union") return Framing::kUnion;
  return name == "intersection" ? Framing::kIntersection : Framing::kReference;
}

OutputGrid output_grid(const std::vector<PlacedFrame>& frames, int reference_width, int reference_height,
                       Framing framing, double output_scale) {
  Area area{0, 0, reference_width - 1.0, reference_height - 1.0};
  if (framing == Framing::kUnion) area = whole_area(frames, area);
  if (framing == Framing::kIntersection) area = common_area(frames, area);
  const bool outwards = framing == Framing::kUnion;
  const double left = outwards ? std::floor(area.left) : std::ceil(area.left);
  const double top = outwards ? std::floor(area.top) : std::ceil(area.top);
  const double right = outwards ? std::ceil(area.right) : std::floor(area.right);
  const double bottom = outwards ? std::ceil(area.bottom) : std::floor(area.bottom);
  OutputGrid grid;
  grid.x0 = left;
  grid.y0 = top;
  grid.step = 1 / output_scale;
  const auto side = [output_scale](double length) {
    return static_cast<int>(std::clamp(std::floor(length * output_scale), 0.0, kLargestSide_px + 1.0));
  };
  grid.width = side(right - left + 1);
  grid.height = side(bottom - top + 1);
  return grid;
}

}  // namespace tilecompile
