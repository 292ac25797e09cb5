#include "launch/live_picture.hpp"

#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

Grid grid_of(int width, int height, std::vector<Box> tiles) {
  Grid grid;
  grid.image_width = width;
  grid.image_height = height;
  grid.tiles = std::move(tiles);
  return grid;
}
Image plain(int width, int height) {
  Image image{Plane<float>(width, height)};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) image[0].at(x, y) = static_cast<float>((7 * x + 13 * y) % 11);
  return image;
}

TEST(LivePicture, ATileIsLaidWhereItLiesUpsideUp) {
  LivePicture picture(plain(50, 31), grid_of(50, 31, {{0, 0, 20, 11}, {30, 20, 20, 11}}));
  EXPECT_EQ(picture.place(0), (Box{0, 20, 20, 11}));
  EXPECT_EQ(picture.place(1), (Box{30, 0, 20, 11}));
  EXPECT_EQ(picture.png(), picture.plain_png());
  ASSERT_TRUE(picture.lay(1, {Plane<float>(20, 11, 400.0F)}));
  EXPECT_NE(picture.png(), picture.plain_png());
  ASSERT_TRUE(picture.lay(1, {Plane<float>(20, 11, 300.0F)}));
  EXPECT_EQ(picture.laid(), std::vector<int>{1});
}

TEST(LivePicture, ALargeImageIsMadeSmallerAndTilesWithIt) {
  LivePicture picture(plain(3001, 700),
                      grid_of(3001, 700, {{0, 0, 101, 101}, {2900, 599, 101, 101}, {7, 7, 2, 2}}));
  const Box corner = picture.place(0), far = picture.place(1);
  EXPECT_EQ(corner.x0, 0);
  EXPECT_NEAR(corner.w, 101 * 1200.0 / 3001, 1);
  EXPECT_EQ(far.x0 + far.w, LivePicture::kLongSidePx);
  EXPECT_EQ(far.y0, 0);
  EXPECT_TRUE(picture.lay(0, {Plane<float>(101, 101, 1.0F)}));
  EXPECT_FALSE(picture.lay(2, {Plane<float>(2, 2, 1.0F)})) << "smaller than a pixel of the picture";
}

TEST(LivePicture, PixelsOfAnotherShapeAreRefused) {
  LivePicture picture(plain(50, 31), grid_of(50, 31, {{0, 0, 20, 11}}));
  EXPECT_THROW(picture.lay(0, {Plane<float>(11, 20, 1.0F)}), ContractError);
  EXPECT_THROW(picture.lay(0, {}), ContractError);
}

}  // namespace
}  // namespace tilecompile
