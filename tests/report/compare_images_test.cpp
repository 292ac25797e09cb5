#include "tilecompile/report/compare_images.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace tilecompile {
namespace {

Image image(int channels, int width, int height, float value) {
  return Image(static_cast<std::size_t>(channels), Plane<float>(width, height, value));
}

TEST(CompareImages, EqualToTheBit) {
  Image a = image(3, 5, 4, 1.5f);
  a[1].at(2, 3) = std::nanf("1");
  Image b = a;
  b[1].at(2, 3) = std::bit_cast<float>(0xffc00123u);
  const ImageDifference d = compare_images(a, b);
  EXPECT_TRUE(d.equal);
  EXPECT_EQ(d.pixels, 0u);
  EXPECT_EQ(describe_difference(d), "equal");
  EXPECT_TRUE(compare_images({}, {}).equal);
}

TEST(CompareImages, FirstDifferenceInReadingOrder) {
  const Image a = image(3, 5, 4, 1.0f);
  Image b = a;
  b[1].at(4, 1) = 1.5f;
  b[1].at(0, 2) = -2.0f;
  b[2].at(0, 0) = 1.0f + std::numeric_limits<float>::epsilon();
  const ImageDifference d = compare_images(a, b);
  EXPECT_FALSE(d.equal);
  EXPECT_EQ(d.pixels, 3u);
  EXPECT_EQ(d.channel, 1);
  EXPECT_EQ(d.x, 4);
  EXPECT_EQ(d.y, 1);
  EXPECT_EQ(d.b, 1.5f);
  EXPECT_EQ(d.largest, 3.0);
  const std::string text = describe_difference(d);
  for (const char* word : {"3 pixels", "x=4 y=1 channel=1", "1 against 1.5", "-0.5"})
    EXPECT_NE(text.find(word), std::string::npos) << text;
}

TEST(CompareImages, SignedZeroAndNaNCount) {
  Image a = image(1, 2, 1, 0.0f), b = a;
  b[0].at(0, 0) = -0.0f;
  b[0].at(1, 0) = std::nanf("");
  const ImageDifference d = compare_images(a, b);
  EXPECT_EQ(d.pixels, 2u);
  EXPECT_EQ(d.largest, 0);
}

TEST(CompareImages, OtherShapes) {
  const Image a = image(1, 5, 4, 1.0f);
  for (const Image& b : {image(1, 4, 5, 1.0f), image(3, 5, 4, 1.0f), image(1, 5, 3, 1.0f), Image{}}) {
    const ImageDifference d = compare_images(a, b);
    EXPECT_FALSE(d.equal);
    EXPECT_FALSE(d.same_shape);
    EXPECT_NE(describe_difference(d).find("shape"), std::string::npos);
  }
}

}  // namespace
}  // namespace tilecompile
