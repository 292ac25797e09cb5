#include "tilecompile/frame/footprint.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

struct Point {
  std::int64_t x, y;
};

std::int64_t cross(const Point& o, const Point& a, const Point& b) {
  return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

// First and last valid pixel of every row, by row and then by column.
std::vector<Point> outline(const PlaneView<float>& plane) {
  std::vector<Point> points;
  for (int y = 0; y < plane.height; ++y) {
    const float* row = plane.row(y);
    int first = 0, last = plane.width - 1;
    while (first < plane.width && row[first] != row[first]) ++first;
    if (first == plane.width) continue;
    while (row[last] != row[last]) --last;
    points.push_back({first, y});
    if (last > first) points.push_back({last, y});
  }
  return points;
}

// One half of the convex hull of points in ascending order (Andrew's chain).
std::vector<Point> half_hull(const std::vector<Point>& points) {
  std::vector<Point> hull;
  for (const Point& p : points) {
    while (hull.size() >= 2 && cross(hull[hull.size() - 2], hull.back(), p) <= 0) hull.pop_back();
    hull.push_back(p);
  }
  return hull;
}

bool along_image_border(const Point& a, const Point& b, const PlaneView<float>& plane) {
  return (a.x == b.x && (a.x == 0 || a.x == plane.width - 1)) ||
         (a.y == b.y && (a.y == 0 || a.y == plane.height - 1));
}

void add_edges(const std::vector<Point>& hull, const PlaneView<float>& plane,
               std::vector<FootprintEdge>& edges) {
  for (std::size_t i = 0; i + 1 < hull.size(); ++i) {
    const Point &p = hull[i], &q = hull[i + 1];
    if (along_image_border(p, q, plane)) continue;
    const double dx = static_cast<double>(q.x - p.x), dy = static_cast<double>(q.y - p.y);
    const double length = std::sqrt(dx * dx + dy * dy);
    const double a = -dy / length, b = dx / length;
    edges.push_back({a, b, -(a * static_cast<double>(p.x) + b * static_cast<double>(p.y))});
  }
}

}  // namespace

std::vector<FootprintEdge> find_footprint(const PlaneView<float>& plane) {
  std::vector<Point> points = outline(plane);
  std::vector<FootprintEdge> edges;
  if (points.empty()) return edges;
  const auto by_column = [](const Point& a, const Point& b) { return a.x != b.x ? a.x < b.x : a.y < b.y; };
  std::sort(points.begin(), points.end(), by_column);
  add_edges(half_hull(points), plane, edges);
  std::reverse(points.begin(), points.end());
  add_edges(half_hull(points), plane, edges);
  return edges;
}

namespace {

// The distance of the pixels of a row from an edge, where it is less than what stands there.
TILECOMPILE_VECTOR_BODY void come_near_body(const FootprintEdge& edge, const Box& box, int y,
                                            double* __restrict distance) {
  const double a = edge.a, down = edge.b * y, c = edge.c;
  for (int x = 0; x < box.w; ++x) {
    const double d = a * (box.x0 + x) + down + c;
    distance[x] = d < distance[x] ? d : distance[x];
  }
}
TILECOMPILE_VECTOR_LEVELS(come_near, (const FootprintEdge& edge, const Box& box, int y, double* distance),
                          (edge, box, y, distance))

TILECOMPILE_VECTOR_BODY void ramp_row_body(const double* distance, int width, double feather_px,
                                           float* __restrict ramp) {
  for (int x = 0; x < width; ++x) {
    const double inside = distance[x] > 0 ? distance[x] : 0.0, far = (inside + 0.5) / feather_px;
    const double u = far < 1 ? far : 1.0;
    ramp[x] = static_cast<float>(u * u * (3 - 2 * u));
  }
}
TILECOMPILE_VECTOR_LEVELS(ramp_row, (const double* distance, int width, double feather_px, float* ramp),
                          (distance, width, feather_px, ramp))

}  // namespace

Plane<float> edge_ramp(const std::vector<FootprintEdge>& footprint, const Box& box, double feather_px) {
  if (!(feather_px > 0)) return {};
  std::vector<FootprintEdge> near;
  for (const FootprintEdge& e : footprint) {
    // The corner of the box that is nearest to the border.
    const double x = e.a > 0 ? box.x0 : box.x1() - 1, y = e.b > 0 ? box.y0 : box.y1() - 1;
    if (e.a * x + e.b * y + e.c < feather_px) near.push_back(e);
  }
  if (near.empty()) return {};
  Plane<float> ramp(box.w, box.h);
  std::vector<double> distance(static_cast<std::size_t>(box.w));
  for (int y = 0; y < box.h; ++y) {
    std::fill(distance.begin(), distance.end(), feather_px);
    for (const FootprintEdge& e : near) come_near(e, box, box.y0 + y, distance.data());
    ramp_row(distance.data(), box.w, feather_px, ramp.row(y));
  }
  return ramp;
}

}  // namespace tilecompile
