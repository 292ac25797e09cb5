#include "products/reduced_image.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "test_data.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

constexpr int kAllRows = 1000;

class ReducedImage : public testing::Test {
 protected:
  // 6 x 4 px in 2 channels: 10 y + x, and the same negative; one pixel without data.
  ReducedImage() {
    Image image(3, Plane<float>(6, 4));
    for (int y = 0; y < 4; ++y)
      for (int x = 0; x < 6; ++x) {
        image[0].at(x, y) = static_cast<float>(10 * y + x);
        image[1].at(x, y) = -image[0].at(x, y);
      }
    image[0].at(0, 0) = std::numeric_limits<float>::quiet_NaN();
    for (const int y : {0, 1})
      for (const int x : {0, 1}) image[2].at(x, y) = std::numeric_limits<float>::quiet_NaN();
    write_image(folder_ / "i.fits", image, {});
  }
  FrameReader open() const { return FrameReader(folder_ / "i.fits", ZeroIsNodata::kNever); }
  TempDir folder_;
};

TEST_F(ReducedImage, CellsAreMeansOfTheirValidPixels) {
  FrameReader image = open();
  const Plane<float> cells = reduced(image, 0, 3, Reduce::kMean, kAllRows);
  ASSERT_EQ(cells.width(), 3);
  ASSERT_EQ(cells.height(), 2);
  EXPECT_EQ(cells.at(0, 0), 22.0F / 3);  // (1 + 10 + 11) / 3
  EXPECT_EQ(cells.at(2, 1), (24 + 25 + 34 + 35) / 4.0F);
  EXPECT_EQ(reduced(image, 1, 3, Reduce::kMean, kAllRows).at(2, 1), -29.5F);
  EXPECT_TRUE(std::isnan(reduced(image, 2, 3, Reduce::kMean, kAllRows).at(0, 0)));
}

TEST_F(ReducedImage, OrMediansOfSomeOfTheirRows) {
  FrameReader image = open();
  const Plane<float> all = reduced(image, 0, 1, Reduce::kMedian, kAllRows);
  EXPECT_EQ(all.at(0, 0), 20);  // 1 to 5, 10 to 15, 20 to 25, 30 to 35: the 12th of 23
  EXPECT_EQ(reduced(image, 0, 1, Reduce::kMedian, 1).at(0, 0), 3);  // the first row alone: 1 2 3 4 5
}

TEST_F(ReducedImage, ASmallImageStaysAsItIs) {
  FrameReader image = open();
  const Plane<float> same = reduced(image, 1, 400, Reduce::kMean, kAllRows);
  EXPECT_EQ(same.width(), 6);
  EXPECT_EQ(same.at(5, 3), -35);
}

TEST_F(ReducedImage, PartsAreCutOutPixelByPixel) {
  FrameReader image = open();
  const Plane<float> part = part_of(image, 0, {4, 2, 2, 2});
  EXPECT_EQ(part.at(0, 0), 24);
  EXPECT_EQ(part.at(1, 1), 35);
}

}  // namespace
}  // namespace tilecompile
