#include "tilecompile/align/output_area.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

// Frames whose place of the reference's (0, 0) is at (dx, dy).
std::vector<PlacedFrame> dithered() {
  return {{shift_transform(0, 0), 100, 80},
          {shift_transform(10.5, 0), 100, 80},
          {shift_transform(-4, -7.25), 100, 80}};
}

TEST(OutputArea, ReferenceIsItsOwnFrame) {
  EXPECT_EQ(output_grid(dithered(), 100, 80, Framing::kReference, 1), (OutputGrid{100, 80, 0, 0, 1}));
  EXPECT_EQ(output_grid(dithered(), 101, 80, Framing::kReference, 1.5),
            (OutputGrid{151, 120, 0, 0, 1 / 1.5}));
}

TEST(OutputArea, UnionHoldsEveryFrame) {
  EXPECT_EQ(output_grid(dithered(), 100, 80, Framing::kUnion, 1), (OutputGrid{115, 88, -11, 0, 1}));
}

TEST(OutputArea, IntersectionIsInEveryFrame) {
  EXPECT_EQ(output_grid(dithered(), 100, 80, Framing::kIntersection, 1), (OutputGrid{85, 72, 4, 8, 1}));
  auto apart = dithered();
  apart.push_back({shift_transform(300, 0), 100, 80});
  EXPECT_EQ(output_grid(apart, 100, 80, Framing::kIntersection, 1).width, 0);
}

TEST(OutputArea, SidesBeyondAnyPictureAreToldAsTooLong) {
  const std::vector<PlacedFrame> apart = {{shift_transform(0, 0), 100, 80},
                                          {shift_transform(-1e12, 0), 100, 80}};
  const OutputGrid grid = output_grid(apart, 100, 80, Framing::kUnion, 1);
  EXPECT_EQ(grid.width, kLargestSide_px + 1);
  EXPECT_EQ(grid.height, 80);
}

TEST(OutputArea, TurnedFramesLeaveABoxInside) {
  Transform t;
  const double turn = 20 / 57.295779513082323;
  t.centre_x = 499.5;
  t.centre_y = 399.5;
  t.u = {499.5, std::cos(turn), -std::sin(turn)};
  t.v = {399.5, std::sin(turn), std::cos(turn)};
  const std::vector<PlacedFrame> frames = {{shift_transform(0, 0), 1000, 800}, {t, 1000, 800}};
  const OutputGrid grid = output_grid(frames, 1000, 800, Framing::kIntersection, 1);
  EXPECT_GT(grid.width * grid.height, 300000);
  for (const double x : {grid.x(0), grid.x(grid.width - 1)})
    for (const double y : {grid.y(0), grid.y(grid.height - 1)}) {
      const Point at = map(t, {x, y});
      EXPECT_TRUE(at.x > -15 && at.y > -15 && at.x < 1015 && at.y < 815) << at.x << " " << at.y;
    }
}

}  // namespace
}  // namespace tilecompile
