#include "tilecompile/night/kept_frames.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "same_bits.hpp"

namespace tilecompile {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Image constant(int width, int height, float value) { return Image(1, Plane<float>(width, height, value)); }

float last_sample(const KeptFrame& frame, int width, int height) {
  float sample = kNan;
  frame.copy_box(0, {width - 1, height - 1, 1, 1}, &sample);
  return sample;
}

// Samples that are not whole take four bytes, whole ones two.
TEST(KeptFrames, KeepsTheFirstThatFitAndNoneForThem) {
  KeptFrames kept(3 * 100 * sizeof(float) + 50);
  for (int f = 0; f < 5; ++f)
    kept.offer("frame " + std::to_string(f), constant(10, 10, static_cast<float>(f) + 0.5F));
  EXPECT_EQ(kept.size_bytes(), 3 * 100 * sizeof(float));
  for (int f = 0; f < 3; ++f) {
    const auto frame = kept.find("frame " + std::to_string(f));
    ASSERT_NE(frame, nullptr);
    EXPECT_EQ(last_sample(*frame, 10, 10), static_cast<float>(f) + 0.5F);
  }
  EXPECT_EQ(kept.find("frame 3"), nullptr);
  EXPECT_TRUE(kept.may_take(25));
  EXPECT_FALSE(kept.may_take(26));
  kept.offer("whole", constant(5, 5, 7.0F));
  EXPECT_NE(kept.find("whole"), nullptr);
  EXPECT_EQ(kept.size_bytes(), 3 * 100 * sizeof(float) + 25 * 2);
  kept.offer("frame 0", constant(1, 1, 9.0F));
  EXPECT_EQ(last_sample(*kept.find("frame 0"), 10, 10), 0.5F);
}

// Who asks before reading a whole frame for a part of it must not be told so again and again.
TEST(KeptFrames, AFrameThatFoundNoRoomIsNotAskedForAgain) {
  KeptFrames kept(100 * 3);
  EXPECT_TRUE(kept.may_take(100));
  kept.offer("of fractions", constant(10, 10, 0.5F));
  EXPECT_EQ(kept.size_bytes(), 0u);
  EXPECT_FALSE(kept.may_take(100));
  EXPECT_TRUE(kept.may_take(99));
  kept.forget();
  EXPECT_TRUE(kept.may_take(100));
}

TEST(KeptFrames, GiveTheSamplesOfTheImage) {
  Plane<float> whole(7, 5), last(7, 5), none(7, 5), both(7, 5), fraction(7, 5);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (Plane<float>* plane : {&whole, &last, &none, &both, &fraction})
      plane->samples()[i] = static_cast<float>(i * 37 % 65536);
  last.at(2, 2) = both.at(2, 2) = 65535;
  none.at(3, 2) = both.at(3, 2) = kNan;
  fraction.at(4, 4) = -0.25F;
  const Image image{whole, last, none, both, fraction};
  const KeptFrame frame(image);
  EXPECT_EQ(frame.channels(), 5u);
  EXPECT_EQ(frame.size_bytes(), 35u * (2 + 2 + 2 + 4 + 4));
  const Box box{1, 1, 5, 4};
  for (std::size_t c = 0; c < image.size(); ++c) {
    Plane<float> part(box.w, box.h), expected(box.w, box.h);
    frame.copy_box(c, box, part.data());
    for (int y = 0; y < box.h; ++y)
      for (int x = 0; x < box.w; ++x) expected.at(x, y) = image[c].at(box.x0 + x, box.y0 + y);
    expect_same_bits(part, expected, "channel " + std::to_string(c));
  }
}

TEST(KeptFrames, WhatIsForgottenLeavesRoom) {
  KeptFrames kept(100 * 2);
  kept.offer("a", constant(10, 10, 3));
  kept.forget();
  EXPECT_EQ(kept.find("a"), nullptr);
  kept.offer("b", constant(10, 10, 4));
  ASSERT_NE(kept.find("b"), nullptr);
  EXPECT_EQ(kept.size_bytes(), 200u);
}

TEST(KeptFrames, ClosedItHoldsNothing) {
  KeptFrames kept(1000000);
  kept.offer("a", Image(2, Plane<float>(10, 10)));
  const auto in_use = kept.find("a");
  kept.close();
  EXPECT_EQ(kept.find("a"), nullptr);
  EXPECT_EQ(kept.size_bytes(), 0u);
  EXPECT_EQ(kept.limit_bytes(), 0u);
  EXPECT_EQ(in_use->channels(), 2u);
  kept.offer("b", constant(10, 10, 0));
  EXPECT_EQ(kept.find("b"), nullptr);
}

}  // namespace
}  // namespace tilecompile
