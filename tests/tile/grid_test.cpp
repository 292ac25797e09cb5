#include "tilecompile/tile/grid.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

TEST(Grid, FollowsTheFormula) {
  GridParams p;
  const Grid g = build_grid(3840, 2160, 3.7, p);
  EXPECT_EQ(g.size, 118);  // floor(32 * 3.7)
  EXPECT_EQ(g.overlap, 29);
  EXPECT_EQ(g.step, 89);
  EXPECT_EQ(build_grid(650, 500, 3.7, p).size, 83);  // floor(500 / 6)
  EXPECT_EQ(build_grid(650, 500, 0.5, p).size, 64);
  EXPECT_EQ(build_grid(200, 150, 3.0, p).size, 64);  // below T_min: T_min wins over the upper bound
}

TEST(Grid, SmallImagesAreOneTileHighWithoutOverlap) {
  const Grid g = build_grid(100, 40, 3, {});
  EXPECT_EQ(g.size, 40);
  EXPECT_EQ(g.overlap, 0);
  for (const Box& t : g.tiles) EXPECT_EQ(t.h, 40);
}

TEST(Grid, CoversEveryPixelAndStaysInsideForAwkwardShapes) {
  for (auto [w, h] :
       {std::pair(650, 500), {500, 650}, {97, 101}, {64, 64}, {65, 64}, {17, 400}, {1080, 1920}})
    for (double overlap : {0.0, 0.25, 0.5}) {
      GridParams p;
      p.overlap_fraction = overlap;
      const Grid g = build_grid(w, h, 2.5, p);
      Plane<int> covered(w, h);
      for (const Box& t : g.tiles) {
        ASSERT_TRUE((Box{0, 0, w, h}).contains(t));
        EXPECT_EQ(t.w, g.size);
        EXPECT_EQ(t.h, g.size);
        for (int y = t.y0; y < t.y1(); ++y)
          for (int x = t.x0; x < t.x1(); ++x) ++covered.at(x, y);
      }
      for (int n : covered.samples()) ASSERT_GE(n, 1) << w << "x" << h;
    }
}

TEST(Grid, TileSizeIsMonotoneInTheSeeing) {
  int last = 0;
  for (double f = 0.1; f < 20; f += 0.1) {
    const int size = build_grid(1920, 1080, f, {}).size;
    EXPECT_GE(size, last);
    last = size;
  }
}

TEST(Grid, OverlapOutsideItsRangeIsAUsageError) {
  GridParams p;
  p.overlap_fraction = 0.7;
  EXPECT_THROW(build_grid(650, 500, 3, p), UsageError);
  p.overlap_fraction = NAN;
  EXPECT_THROW(build_grid(650, 500, 3, p), UsageError);
}

TEST(Grid, AStarBelongsToATileThatHoldsItsWholeBox) {
  const std::vector<ReferenceStar> stars = {{10, 10}, {4.4, 10}, {3.4, 10}, {59.6, 10}};
  EXPECT_EQ(stars_in_tile({0, 0, 64, 64}, stars, 4), (std::vector<int>{0, 1}));
  EXPECT_EQ(tile_kind(2, {}), TileKind::kStructure);
  EXPECT_EQ(tile_kind(3, {}), TileKind::kStar);
}

}  // namespace
}  // namespace tilecompile
