#include "tilecompile/align/star_matching.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "triangles.hpp"

namespace tilecompile {
namespace {

constexpr int kBright = 45;  // stars whose triangles are all compared
constexpr int kNeighbours = 7;
constexpr std::size_t kPairsTried = 30;  // of those with most votes; every two make a hypothesis
constexpr double kLeastBase_px = 20;     // of a hypothesis
constexpr double kFirstReach_px = 5, kLastReach_px = 2;
constexpr std::size_t kFewest = 5;
constexpr double kPi = 3.14159265358979311600;

// Stars of a frame in cells, for the nearest one to a place.
class StarFinder {
 public:
  explicit StarFinder(const std::vector<FrameStar>& stars) : stars_(stars) {
    for (const FrameStar& s : stars) {
      left_ = std::min(left_, s.x);
      top_ = std::min(top_, s.y);
      right_ = std::max(right_, s.x);
      bottom_ = std::max(bottom_, s.y);
    }
    columns_ = column(right_) + 1;
    rows_ = row(bottom_) + 1;
    cells_.resize(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_));
    for (std::size_t i = 0; i < stars.size(); ++i)
      cell(column(stars[i].x), row(stars[i].y)).push_back(static_cast<int>(i));
  }
  // The nearest star within `reach` <= kFirstReach_px, ties to the lower index; -1: none.
  int nearest(Point at, double reach) const {
    if (!(at.x > left_ - reach && at.x < right_ + reach && at.y > top_ - reach && at.y < bottom_ + reach))
      return -1;
    int found = -1;
    double least = reach * reach;
    for (int r = std::max(0, row(at.y) - 1); r <= std::min(rows_ - 1, row(at.y) + 1); ++r)
      for (int c = std::max(0, column(at.x) - 1); c <= std::min(columns_ - 1, column(at.x) + 1); ++c)
        for (const int i : cells_[index(c, r)]) {
          const FrameStar& s = stars_[static_cast<std::size_t>(i)];
          const double d = (s.x - at.x) * (s.x - at.x) + (s.y - at.y) * (s.y - at.y);
          if (d < least || (d == least && found >= 0 && i < found)) {
            least = d;
            found = i;
          }
        }
    return found;
  }
  // Stars to be expected by chance within `reach` of a place.
  double by_chance(double reach) const {
    const double area = std::max(1.0, right_ - left_) * std::max(1.0, bottom_ - top_);
    return static_cast<double>(stars_.size()) * kPi * reach * reach / area;
  }
  bool holds(Point at) const { return at.x >= left_ && at.x <= right_ && at.y >= top_ && at.y <= bottom_; }

 private:
  static constexpr double kCell_px = 8;
  int column(double x) const { return static_cast<int>(std::floor((x - left_) / kCell_px)); }
  int row(double y) const { return static_cast<int>(std::floor((y - top_) / kCell_px)); }
  std::size_t index(int c, int r) const {
    return static_cast<std::size_t>(r) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(c);
  }
  std::vector<int>& cell(int c, int r) { return cells_[index(c, r)]; }

  const std::vector<FrameStar>& stars_;
  double left_ = std::numeric_limits<double>::infinity(), top_ = left_, right_ = -left_, bottom_ = -left_;
  int columns_ = 0, rows_ = 0;
  std::vector<std::vector<int>> cells_;
};

struct Lists {
  const std::vector<FrameStar>& reference;
  const std::vector<FrameStar>& frame;
  StarFinder finder;
};

StarPair pair_of(const Lists& lists, int r, int f) {
  const FrameStar &a = lists.reference[static_cast<std::size_t>(r)],
                  &b = lists.frame[static_cast<std::size_t>(f)];
  const double error = a.error_px() * a.error_px() + b.error_px() * b.error_px();
  return {{a.x, a.y}, {b.x, b.y}, (a.poor || b.poor ? 0.1 : 1.0) / error, r, f};
}

// Every reference star with the nearest star of the frame, where no other reference star is nearer to that.
std::vector<StarPair> pairs_near(const Lists& lists, const Transform& t, double reach) {
  std::vector<int> owner(lists.frame.size(), -1);
  std::vector<double> off(lists.frame.size());
  for (std::size_t r = 0; r < lists.reference.size(); ++r) {
    const Point at = map(t, {lists.reference[r].x, lists.reference[r].y});
    const int f = lists.finder.nearest(at, reach);
    if (f < 0) continue;
    const auto k = static_cast<std::size_t>(f);
    const double dx = lists.frame[k].x - at.x, dy = lists.frame[k].y - at.y, d = dx * dx + dy * dy;
    if (owner[k] >= 0 && off[k] <= d) continue;
    owner[k] = static_cast<int>(r);
    off[k] = d;
  }
  std::vector<StarPair> pairs;
  for (std::size_t k = 0; k < owner.size(); ++k)
    if (owner[k] >= 0) pairs.push_back(pair_of(lists, owner[k], static_cast<int>(k)));
  std::sort(pairs.begin(), pairs.end(),
            [](const StarPair& a, const StarPair& b) { return a.reference_star < b.reference_star; });
  return pairs;
}

// More than chance brings together: reference stars that fall on the frame, each with stars by chance nearby.
bool is_match(const Lists& lists, const Transform& t, const std::vector<StarPair>& pairs, double reach) {
  double on_frame = 0;
  for (const FrameStar& s : lists.reference) on_frame += lists.finder.holds(map(t, {s.x, s.y})) ? 1 : 0;
  const double chance = on_frame * std::min(1.0, lists.finder.by_chance(reach));
  return static_cast<double>(pairs.size()) >= static_cast<double>(kFewest) + 3 * chance &&
         static_cast<double>(pairs.size()) >=
             0.2 * std::min(on_frame, static_cast<double>(lists.frame.size()));
}

// The similarity that two pairs make; nothing where they are too near or its scale is out of the question.
std::optional<Transform> similarity_of(const StarPair& a, const StarPair& b) {
  const double rx = b.reference.x - a.reference.x, ry = b.reference.y - a.reference.y;
  const double fx = b.frame.x - a.frame.x, fy = b.frame.y - a.frame.y;
  const double base = std::sqrt(rx * rx + ry * ry), scale = std::sqrt(fx * fx + fy * fy) / base;
  if (!(base >= kLeastBase_px) || scale < kLeastScale || scale > kLargestScale) return std::nullopt;
  const double along = (fx * rx + fy * ry) / (base * base), across = (fy * rx - fx * ry) / (base * base);
  Transform t;
  t.model = TransformModel::kSimilarity;
  t.centre_x = a.reference.x;
  t.centre_y = a.reference.y;
  t.u = {a.frame.x, along, -across};
  t.v = {a.frame.y, across, along};
  return t;
}

// The pairs of the similarity that brings most stars together, of all that two voted pairs make.
std::vector<StarPair> best_hypothesis(const Lists& lists, const std::vector<Vote>& votes) {
  std::vector<StarPair> best;
  double best_off = 0;
  const std::size_t tried = std::min(votes.size(), kPairsTried);
  for (std::size_t i = 0; i < tried; ++i)
    for (std::size_t j = i + 1; j < tried; ++j) {
      if (votes[i].reference == votes[j].reference || votes[i].frame == votes[j].frame) continue;
      const auto t = similarity_of(pair_of(lists, votes[i].reference, votes[i].frame),
                                   pair_of(lists, votes[j].reference, votes[j].frame));
      if (!t) continue;
      std::vector<StarPair> pairs = pairs_near(lists, *t, kFirstReach_px);
      if (pairs.size() < best.size()) continue;
      double off = 0;
      for (const StarPair& p : pairs) off += residual_px(*t, p);
      if (pairs.size() > best.size() || off < best_off) {
        best = std::move(pairs);
        best_off = off;
      }
    }
  return best;
}

// Finds the pairs anew with models that can do more, as there are pairs for them.
std::vector<StarPair> refined(const Lists& lists, std::vector<StarPair> pairs) {
  Transform t;
  for (int round = 0; round < 8; ++round) {
    TransformModel model = TransformModel::kSimilarity;
    if (round >= 1 && pairs.size() >= 8) model = TransformModel::kAffine;
    if (round >= 3 && pairs.size() >= 20) model = TransformModel::kQuadratic;
    if (round >= 4 && pairs.size() >= 40) model = TransformModel::kCubic;
    const auto fitted = fit_transform(pairs, model);
    if (!fitted) return {};
    t = *fitted;
    const double reach = round < 5 ? kFirstReach_px : kLastReach_px;
    pairs = pairs_near(lists, t, reach);
    if (pairs.size() < kFewest) return {};
  }
  return is_match(lists, t, pairs, kLastReach_px) ? pairs : std::vector<StarPair>{};
}

std::vector<StarPair> matched(const std::vector<FrameStar>& reference, const std::vector<FrameStar>& frame) {
  const Lists lists{reference, frame, StarFinder(frame)};
  auto pairs = refined(lists, best_hypothesis(lists, vote_by_triangles(reference, frame, kBright, 0)));
  if (!pairs.empty()) return pairs;
  return refined(lists, best_hypothesis(lists, vote_by_triangles(reference, frame, kMostStars, kNeighbours)));
}

}  // namespace

StarMatch match_stars(const std::vector<FrameStar>& reference, const std::vector<FrameStar>& frame) {
  if (reference.size() < kFewest || frame.size() < kFewest) return {};
  StarMatch match{matched(reference, frame), false};
  // A few stars of a mirror image fall together by chance: the better of the two is meant.
  if (2 * match.pairs.size() >= std::min(reference.size(), frame.size())) return match;
  std::vector<FrameStar> mirror = frame;
  for (FrameStar& s : mirror) s.x = -s.x;
  if (matched(reference, mirror).size() > match.pairs.size()) return {{}, true};
  return match;
}

}  // namespace tilecompile
