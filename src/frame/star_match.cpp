#include "tilecompile/frame/star_match.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostStars = 60;
constexpr double kMatchPx = 1.5;
constexpr int kFewestMatched = 5;
constexpr double kLeastMatchedShare = 1.0 / 3;  // of the list's stars that the fit brings into the image

struct Offset {
  double dx, dy;
};

using Turn = FieldMatch::Turn;

ReferenceStar turned(const ReferenceStar& star, Turn turn, int width, int height) {
  const bool across = turn == Turn::kHalf || turn == Turn::kLeftRight;
  const bool upside_down = turn == Turn::kHalf || turn == Turn::kUpDown;
  return {across ? width - 1 - star.x : star.x, upside_down ? height - 1 - star.y : star.y};
}

std::vector<ReferenceStar> first_stars(const std::vector<ReferenceStar>& stars) {
  return {stars.begin(), stars.begin() + static_cast<std::ptrdiff_t>(std::min(stars.size(), kMostStars))};
}

// Offsets own - list of all pairs, by dx, then dy.
std::vector<Offset> all_offsets(const std::vector<ReferenceStar>& list,
                                const std::vector<ReferenceStar>& own) {
  std::vector<Offset> offsets;
  for (const ReferenceStar& a : list)
    for (const ReferenceStar& b : own) offsets.push_back({b.x - a.x, b.y - a.y});
  std::sort(offsets.begin(), offsets.end(),
            [](const Offset& a, const Offset& b) { return std::tie(a.dx, a.dy) < std::tie(b.dx, b.dy); });
  return offsets;
}

// The offset that most pairs share within kMatchPx; of equal ones the smallest.
Offset most_common(const std::vector<Offset>& offsets) {
  Offset best{0, 0};
  std::size_t most = 0;
  double smallest = 0, reach = kMatchPx * kMatchPx;
  for (auto o = offsets.begin(), low = offsets.begin(); o != offsets.end(); ++o) {
    while (low->dx < o->dx - kMatchPx) ++low;
    std::size_t votes = 0;
    for (auto p = low; p != offsets.end() && p->dx <= o->dx + kMatchPx; ++p)
      votes += (p->dx - o->dx) * (p->dx - o->dx) + (p->dy - o->dy) * (p->dy - o->dy) <= reach ? 1 : 0;
    const double size = o->dx * o->dx + o->dy * o->dy;
    if (votes < most || (votes == most && size >= smallest)) continue;
    best = *o;
    most = votes;
    smallest = size;
  }
  return best;
}

// Stars of the list that have a star of `own` at that offset, and the median of the exact offsets.
FieldMatch count_matches(const std::vector<ReferenceStar>& list, const std::vector<ReferenceStar>& own,
                         const Offset& offset, int width, int height) {
  FieldMatch match;
  std::vector<double> dx, dy;
  int inside = 0;
  for (const ReferenceStar& a : list) {
    const double x = a.x + offset.dx, y = a.y + offset.dy;
    if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
    ++inside;
    const ReferenceStar* nearest = nullptr;
    double least = kMatchPx * kMatchPx;
    for (const ReferenceStar& b : own) {
      const double distance = (b.x - x) * (b.x - x) + (b.y - y) * (b.y - y);
      if (distance > least) continue;
      least = distance;
      nearest = &b;
    }
    if (nearest == nullptr) continue;
    dx.push_back(nearest->x - a.x);
    dy.push_back(nearest->y - a.y);
  }
  const auto matched = static_cast<int>(dx.size());
  if (matched < kFewestMatched || matched < kLeastMatchedShare * inside) return match;
  match.matched = matched;
  match.dx = median(std::move(dx));
  match.dy = median(std::move(dy));
  return match;
}

}  // namespace

FieldMatch match_fields(const std::vector<ReferenceStar>& list, const std::vector<ReferenceStar>& own,
                        int width, int height) {
  const std::vector<ReferenceStar> seen = first_stars(own);
  FieldMatch best;
  for (const Turn turn : {Turn::kNone, Turn::kHalf, Turn::kLeftRight, Turn::kUpDown}) {
    std::vector<ReferenceStar> asked = first_stars(list);
    for (ReferenceStar& star : asked) star = turned(star, turn, width, height);
    FieldMatch match = count_matches(asked, seen, most_common(all_offsets(asked, seen)), width, height);
    match.turn = turn;
    if (match.matched > best.matched) best = match;
  }
  return best;
}

}  // namespace tilecompile
