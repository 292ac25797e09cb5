#include "tilecompile/align/star_matching.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "align/test_sky.hpp"

namespace tilecompile {
namespace {

struct Night {
  const char* name;
  SkyField field;
  Pointing reference, frame;
};

struct Found {
  std::size_t pairs = 0;
  double median = 0, p95 = 0;  // px between where a star is and where the transform puts it
  TransformModel model = TransformModel::kShift;
};

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1))];
}

Found register_one(const Night& night, std::uint64_t seed) {
  const SkyField& f = night.field;
  const auto sky = make_sky(f, seed);
  const auto a = choose_stars(observe(f, night.reference, sky, seed * 2), f.width, f.height);
  const auto b = choose_stars(observe(f, night.frame, sky, seed * 2 + 1), f.width, f.height);
  const StarMatch match = match_stars(a, b);
  Found found;
  found.pairs = match.pairs.size();
  if (match.pairs.empty()) return found;
  const auto t = fit_best_transform(match.pairs);
  if (!t) return found;
  found.model = t->model;
  std::vector<double> off;
  for (const SkyStar& s : sky) {
    const Point at = seen(f, night.reference, s.at), to = seen(f, night.frame, s.at);
    const auto inside = [&](Point p) {
      return p.x > 8 && p.y > 8 && p.x < f.width - 8 && p.y < f.height - 8;
    };
    if (!inside(at) || !inside(to)) continue;
    const Point put = map(*t, at);
    off.push_back(std::sqrt((put.x - to.x) * (put.x - to.x) + (put.y - to.y) * (put.y - to.y)));
  }
  found.median = quantile(off, 0.5);
  found.p95 = quantile(off, 0.95);
  return found;
}

SkyField with_stars(int n) {
  SkyField f;
  f.stars = n;
  return f;
}

// The accuracy asked for in raw.md R3. Few stars leave less: their own errors are what a frame has.
TEST(StarMatching, BringsEveryPointingHomeToATwentiethOfAPixel) {
  const std::vector<Night> nights = {
      {"dither 300 px", with_stars(400), {}, {0, 300, -220}},
      {"turned 7 degrees", with_stars(400), {}, {7, 20, 30}},
      {"turned 90 degrees", with_stars(400), {}, {90, -15, 5}},
      {"turned 133 degrees", with_stars(400), {}, {133, 80, 60}},
      {"meridian flip", with_stars(400), {}, {180, 40, -25}},
      {"turned 290 degrees", with_stars(400), {}, {290, 0, 0}},
      {"refraction 0.1 %", with_stars(400), {}, {2, 30, 10, 1, 0.001}},
      {"scale 1.09", with_stars(400), {}, {12, 3, 4, 1.09}},
      {"scale 0.92", with_stars(400), {}, {-12, 3, 4, 0.92}},
      {"cubic 3 px, dither", with_stars(1500), {0, 0, 0, 1, 0, 3}, {0, 150, 100, 1, 0, 3}},
      {"cubic 3 px, turned 40", with_stars(1500), {}, {40, 20, 10, 1, 0, 3}},
      {"cubic 3 px, flip", with_stars(1500), {0, 0, 0, 1, 0, 3}, {180, 60, 40, 1, 0.001, 3}},
      {"5000 stars", with_stars(5000), {}, {33, 100, 200}},
      {"60 stars", with_stars(60), {}, {200, 60, 20}},
      {"15 stars", with_stars(15), {}, {75, 20, 10}},
  };
  for (const Night& night : nights) {
    std::vector<double> medians, p95s;
    std::size_t fewest = 1000;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      const Found found = register_one(night, seed);
      EXPECT_GE(found.pairs, 5u) << night.name << " seed " << seed;
      if (found.pairs == 0) continue;
      fewest = std::min(fewest, found.pairs);
      medians.push_back(found.median);
      p95s.push_back(found.p95);
    }
    if (medians.empty()) continue;
    std::printf("%-24s %4zu pairs at least, median %.4f px, p95 %.4f px, worst p95 %.4f px\n", night.name,
                fewest, quantile(medians, 0.5), quantile(p95s, 0.5), quantile(p95s, 1));
    EXPECT_LT(quantile(medians, 0.5), 0.05) << night.name;
    EXPECT_LT(quantile(p95s, 0.5), 0.15) << night.name;
  }
}

TEST(StarMatching, EveryDegreeIsAsGoodAsAnother) {
  for (int turn = 0; turn < 360; turn += 15) {
    const Found found = register_one({"", with_stars(150), {}, {static_cast<double>(turn), 25, -40}}, 77);
    EXPECT_GE(found.pairs, 40u) << turn;
    EXPECT_LT(found.p95, 0.15) << turn;
  }
}

TEST(StarMatching, NamesMirrorImages) {
  const SkyField f = with_stars(200);
  const auto sky = make_sky(f, 5);
  const auto a = choose_stars(observe(f, {}, sky, 1), f.width, f.height);
  const auto b = choose_stars(observe(f, {30, 10, 5, 1, 0, 0, true}, sky, 2), f.width, f.height);
  const StarMatch match = match_stars(a, b);
  EXPECT_TRUE(match.pairs.empty());
  EXPECT_TRUE(match.mirrored);
}

TEST(StarMatching, FindsNothingInAnotherField) {
  for (const int stars : {15, 60, 400, 5000})
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const SkyField f = with_stars(stars);
      const auto a = choose_stars(observe(f, {}, make_sky(f, seed), 1), f.width, f.height);
      const auto b = choose_stars(observe(f, {}, make_sky(f, seed + 100), 2), f.width, f.height);
      const StarMatch match = match_stars(a, b);
      EXPECT_TRUE(match.pairs.empty()) << stars << " stars, seed " << seed << ": " << match.pairs.size();
      EXPECT_FALSE(match.mirrored) << stars << " stars, seed " << seed;
    }
}

TEST(StarMatching, DoesNotDependOnTheOrderOfTheDetections) {
  const SkyField f = with_stars(300);
  const auto sky = make_sky(f, 9);
  const auto a = choose_stars(observe(f, {}, sky, 1), f.width, f.height);
  std::vector<FrameStar> seen_stars = observe(f, {120, 30, 20}, sky, 2);
  const StarMatch one = match_stars(a, choose_stars(seen_stars, f.width, f.height));
  std::reverse(seen_stars.begin(), seen_stars.end());
  const StarMatch other = match_stars(a, choose_stars(seen_stars, f.width, f.height));
  ASSERT_EQ(one.pairs.size(), other.pairs.size());
  ASSERT_GE(one.pairs.size(), 20u);
  for (std::size_t i = 0; i < one.pairs.size(); ++i) {
    EXPECT_EQ(one.pairs[i].reference_star, other.pairs[i].reference_star);
    EXPECT_EQ(one.pairs[i].frame_star, other.pairs[i].frame_star);
  }
  EXPECT_EQ(*fit_best_transform(one.pairs), *fit_best_transform(other.pairs));
}

TEST(StarMatching, TooFewStarsAreNoMatch) {
  const SkyField f = with_stars(100);
  auto a = choose_stars(observe(f, {}, make_sky(f, 3), 1), f.width, f.height);
  EXPECT_TRUE(match_stars(a, {}).pairs.empty());
  EXPECT_TRUE(match_stars({}, a).pairs.empty());
  auto few = a;
  few.resize(4);
  EXPECT_TRUE(match_stars(a, few).pairs.empty());
}

}  // namespace
}  // namespace tilecompile
