#include "triangles.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace tilecompile {
namespace {

constexpr double kLeastSide_px = 8;            // below, the errors of the centres decide the shape
constexpr double kLeastSideDifference_px = 4;  // else the corners cannot be told apart
constexpr double kLeastHeight = 0.05;          // of the longest side: flatter ones have no orientation
constexpr double kCentreError_px = 2;          // with what distortion does to a side
constexpr double kShapeError = 0.002;

// Corners opposite to the longest, the middle and the shortest side.
struct Triangle {
  double middle = 0, shortest = 0;  // over the longest
  double longest_px = 0;
  bool turns_left = false;
  std::array<int, 3> corner{};
};

double distance(const FrameStar& a, const FrameStar& b) {
  return std::sqrt((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

void add_triangle(const std::vector<FrameStar>& stars, int i, int j, int k, std::vector<Triangle>& to) {
  const auto star = [&](int n) -> const FrameStar& { return stars[static_cast<std::size_t>(n)]; };
  std::array<std::pair<double, int>, 3> sides{std::pair{distance(star(j), star(k)), i},
                                              std::pair{distance(star(i), star(k)), j},
                                              std::pair{distance(star(i), star(j)), k}};
  std::sort(sides.begin(), sides.end(), [](const auto& a, const auto& b) { return a > b; });
  const double a = sides[0].first, b = sides[1].first, c = sides[2].first;
  if (c < kLeastSide_px || a - b < kLeastSideDifference_px || b - c < kLeastSideDifference_px) return;
  const FrameStar &p = star(sides[0].second), &q = star(sides[1].second), &r = star(sides[2].second);
  const double twice_area = (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x);
  if (std::abs(twice_area) < kLeastHeight * a * a) return;
  to.push_back({b / a, c / a, a, twice_area > 0, {sides[0].second, sides[1].second, sides[2].second}});
}

std::vector<std::array<int, 3>> all_triples(int n) {
  std::vector<std::array<int, 3>> triples;
  for (int i = 0; i < n; ++i)
    for (int j = i + 1; j < n; ++j)
      for (int k = j + 1; k < n; ++k) triples.push_back({i, j, k});
  return triples;
}

std::vector<std::array<int, 3>> near_triples(const std::vector<FrameStar>& stars, int n, int near) {
  std::vector<std::array<int, 3>> triples;
  for (int i = 0; i < n; ++i) {
    std::vector<std::pair<double, int>> others;
    for (int j = 0; j < n; ++j)
      if (j != i)
        others.emplace_back(distance(stars[static_cast<std::size_t>(i)], stars[static_cast<std::size_t>(j)]),
                            j);
    std::sort(others.begin(), others.end());
    others.resize(std::min(others.size(), static_cast<std::size_t>(near)));
    for (std::size_t a = 0; a < others.size(); ++a)
      for (std::size_t b = a + 1; b < others.size(); ++b) {
        std::array<int, 3> t{i, others[a].second, others[b].second};
        std::sort(t.begin(), t.end());
        triples.push_back(t);
      }
  }
  std::sort(triples.begin(), triples.end());
  triples.erase(std::unique(triples.begin(), triples.end()), triples.end());
  return triples;
}

std::vector<Triangle> triangles_of(const std::vector<FrameStar>& stars, int most, int near) {
  const int n = std::min(most, static_cast<int>(stars.size()));
  std::vector<Triangle> found;
  for (const auto& [i, j, k] : near > 0 ? near_triples(stars, n, near) : all_triples(n))
    add_triangle(stars, i, j, k, found);
  std::sort(found.begin(), found.end(), [](const Triangle& a, const Triangle& b) {
    return std::tie(a.middle, a.corner) < std::tie(b.middle, b.corner);
  });
  return found;
}

}  // namespace

std::vector<Vote> vote_by_triangles(const std::vector<FrameStar>& reference,
                                    const std::vector<FrameStar>& frame, int most, int near) {
  const std::vector<Triangle> mine = triangles_of(reference, most, near);
  const std::vector<Triangle> others = triangles_of(frame, most, near);
  const auto rows = static_cast<std::size_t>(most);
  std::vector<int> votes(rows * rows);
  for (const Triangle& t : mine) {
    const double error = kShapeError + kCentreError_px / t.longest_px;
    const auto from = std::lower_bound(others.begin(), others.end(), t.middle - error,
                                       [](const Triangle& o, double middle) { return o.middle < middle; });
    for (auto o = from; o != others.end() && o->middle <= t.middle + error; ++o) {
      const double scale = o->longest_px / t.longest_px;
      if (std::abs(o->shortest - t.shortest) > error || o->turns_left != t.turns_left ||
          scale < kLeastScale || scale > kLargestScale)
        continue;
      for (std::size_t c = 0; c < 3; ++c)
        ++votes[static_cast<std::size_t>(t.corner[c]) * rows + static_cast<std::size_t>(o->corner[c])];
    }
  }
  std::vector<Vote> list;
  for (std::size_t i = 0; i < votes.size(); ++i)
    if (votes[i] > 0) list.push_back({static_cast<int>(i / rows), static_cast<int>(i % rows), votes[i]});
  std::sort(list.begin(), list.end(), [](const Vote& a, const Vote& b) {
    if (a.votes != b.votes) return a.votes > b.votes;
    return a.reference != b.reference ? a.reference < b.reference : a.frame < b.frame;
  });
  return list;
}

}  // namespace tilecompile
