#include "tilecompile/survey/frame_pieces.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(FramePieces, BandsCoverTheImageOnceAndBeginWhereLevelsBegin) {
  for (const int height : {1, 63, 64, 65, 1080, 4021, 14000}) {
    const auto bands = frame_items(TaskWork::kStack, 37, height, 5);
    int next = 0;
    for (const Box& band : bands) {
      EXPECT_EQ(band.y0, next);
      EXPECT_EQ(band.y0 % 64, 0);
      EXPECT_EQ(band.w, 37);
      next = band.y1();
    }
    EXPECT_EQ(next, height);
    EXPECT_LE(bands.size(), 50u);
  }
  EXPECT_EQ(frame_items(TaskWork::kStars, 37, 41, 5).size(), 5u);
}

}  // namespace
}  // namespace tilecompile
