#include "tilecompile/frame/footprint.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

Plane<float> covered(int width, int height, const Box& box) {
  Plane<float> p(width, height, std::nanf(""));
  for (int y = box.y0; y < box.y1(); ++y)
    for (int x = box.x0; x < box.x1(); ++x) p.at(x, y) = 1;
  return p;
}

TEST(Footprint, AWholeFrameHasNoBorderInside) {
  EXPECT_TRUE(find_footprint(covered(50, 40, {0, 0, 50, 40}).view()).empty());
  EXPECT_TRUE(find_footprint(covered(50, 40, {0, 0, 0, 0}).view()).empty());
}

TEST(Footprint, AShiftedFrameHasTwo) {
  const auto edges = find_footprint(covered(50, 40, {7, 0, 43, 31}).view());
  ASSERT_EQ(edges.size(), 2u);
  for (const FootprintEdge& e : edges) {
    EXPECT_GT(e.a * 20 + e.b * 20 + e.c, 0) << "inside is positive";
    const bool left = e.a != 0;
    EXPECT_NEAR(left ? e.a * 7 + e.b * 3 + e.c : e.a * 20 + e.b * 30 + e.c, 0, 1e-12);
  }
}

TEST(Footprint, HolesAreNoBorders) {
  Plane<float> p = covered(50, 40, {7, 0, 43, 40});
  for (int y = 10; y < 20; ++y)
    for (int x = 20; x < 30; ++x) p.at(x, y) = std::nanf("");
  EXPECT_EQ(find_footprint(p.view()).size(), 1u);
}

TEST(Footprint, ATurnedFrameIsFoundWithinAPixel) {
  Plane<float> p(80, 80, std::nanf(""));
  const auto inside = [](double x, double y) { return 0.8 * x + 0.6 * y > 30; };
  for (int y = 0; y < 80; ++y)
    for (int x = 0; x < 80; ++x)
      if (inside(x, y)) p.at(x, y) = 1;
  const auto edges = find_footprint(p.view());
  ASSERT_FALSE(edges.empty());
  const Plane<float> ramp = edge_ramp(edges, {0, 0, 80, 80}, 10);
  for (int y = 0; y < 80; ++y)
    for (int x = 0; x < 80; ++x) {
      if (!inside(x, y)) continue;
      const double u = std::min(1.0, (0.8 * x + 0.6 * y - 30) / 10);
      EXPECT_NEAR(ramp.at(x, y), u * u * (3 - 2 * u), 0.26) << x << " " << y;
      EXPECT_GT(ramp.at(x, y), 0);
    }
}

TEST(EdgeRamp, RisesFromTheBorderAndIsTheSameInEveryBox) {
  const auto edges = find_footprint(covered(60, 40, {10, 0, 50, 40}).view());
  const Plane<float> whole = edge_ramp(edges, {0, 0, 60, 40}, 16);
  for (int x = 11; x < 60; ++x) EXPECT_GE(whole.at(x, 5), whole.at(x - 1, 5));
  EXPECT_LT(whole.at(10, 5), 0.01);
  EXPECT_EQ(whole.at(40, 5), 1);
  const Plane<float> part = edge_ramp(edges, {12, 3, 9, 7}, 16);
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 9; ++x) EXPECT_EQ(part.at(x, y), whole.at(12 + x, 3 + y));
  EXPECT_TRUE(edge_ramp(edges, {40, 0, 20, 40}, 16).empty()) << "no border near";
  EXPECT_TRUE(edge_ramp(edges, {0, 0, 60, 40}, 0).empty());
}

}  // namespace
}  // namespace tilecompile
