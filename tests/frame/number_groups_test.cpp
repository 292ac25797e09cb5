#include "tilecompile/frame/number_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using testing::HasSubstr;

const FrameNumbers kAdu{500, 15, 60000, false};
const FrameNumbers kUnit{0.0076, 0.00023, 0.92, true};

std::vector<std::string> names(std::size_t n) {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < n; ++i) paths.push_back("l" + std::to_string(i) + ".fit");
  return paths;
}

TEST(NumberGroups, OneScaleIsNoReasonWhateverTheNight) {
  std::vector<FrameNumbers> frames;
  for (int i = 0; i < 30; ++i)  // twilight: the sky grows sixtyfold, the noise with it
    frames.push_back({500.0 + 1000 * i, 15 + 3.0 * i, 65535, false});
  EXPECT_TRUE(frames_of_other_scale({frames}, names(30)).empty());
}

TEST(NumberGroups, ADarkSkyThatNoiseHidesIsNoReason) {
  EXPECT_TRUE(
      frames_of_other_scale({{{0.1, 10, 4000, true}, {60, 12, 4000, true}, {-3, 10, 4000, true}}}, names(3))
          .empty());
}

TEST(NumberGroups, OneIntegerFrameAmongFloatsOfZeroToOne) {
  std::vector<FrameNumbers> frames(30, kUnit);
  frames[4] = kAdu;
  const auto bad = frames_of_other_scale({frames}, names(30));
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].path, "l4.fit");
  EXPECT_THAT(bad[0].reason, HasSubstr("(background 500, noise 15, largest value 60000, integers)"));
  EXPECT_THAT(bad[0].reason, HasSubstr("29 frames (background 0.0076, noise 0.00023, largest value 0.92, "
                                       "floating point)"));
}

TEST(NumberGroups, TheSmallerGroupIsTheOddOne) {
  std::vector<FrameNumbers> frames(9, kAdu);
  frames[0] = frames[3] = frames[8] = kUnit;
  const auto bad = frames_of_other_scale({frames}, names(9));
  ASSERT_EQ(bad.size(), 3u);
  EXPECT_EQ(bad[0].path, "l0.fit");
  EXPECT_THAT(bad[0].reason, HasSubstr("those of 6 frames"));
}

TEST(NumberGroups, FloatsUpToOneBesideIntegersEvenWhenTheirNoiseIsNear) {
  const FrameNumbers faint{4, 0.6, 300, false}, brought_to_one{0.1, 0.02, 1, true};
  EXPECT_EQ(frames_of_other_scale({{faint, faint, brought_to_one}}, names(3)).size(), 1u);
}

TEST(NumberGroups, ACloudyFrameOfFloatsAmongFloatsIsNoOtherScale) {
  const FrameNumbers clear{0.2, 0.3, 5000, true}, cloud{0.2, 0.3, 1.05, true};
  EXPECT_TRUE(frames_of_other_scale({{clear, clear, cloud}}, names(3)).empty());
}

TEST(NumberGroups, ABackgroundAHundredTimesAsHigh) {
  const FrameNumbers dark{10, 1, 3000, false}, bright{1001, 40, 60000, false};
  EXPECT_EQ(frames_of_other_scale({{dark, dark, bright}}, names(3)).size(), 1u);
}

TEST(NumberGroups, FramesWhoseNoiseIsNotKnownAreLeftOut) {
  EXPECT_TRUE(frames_of_other_scale({{FrameNumbers{}, FrameNumbers{}}}, names(2)).empty());
  EXPECT_TRUE(frames_of_other_scale({{kAdu, FrameNumbers{}, kAdu}}, names(3)).empty());
}

TEST(NumberGroups, AFrameIsNamedOnceForAllItsChannels) {
  const std::vector<FrameNumbers> channel = {kAdu, kAdu, kUnit};
  const auto bad = frames_of_other_scale({channel, channel, channel}, names(3));
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_THAT(bad[0].reason, HasSubstr("channel 2: "));
}

TEST(NumberGroups, NumbersAreThoseOfTheFileInEveryMode) {
  Plane<float> plane(40, 30);
  for (int i = 0; i < 1200; ++i)
    plane.samples()[static_cast<std::size_t>(i)] = static_cast<float>(490 + i % 21);
  Distribution scratch;
  for (const auto mode : {NormalizationParams::Mode::kBackground, NormalizationParams::Mode::kPhotometric}) {
    NormalizationParams params;
    params.mode = mode;
    const FrameChannel channel = measure_frame_channel(plane.view(), 1, params, scratch);
    const FrameNumbers n = numbers_of(scratch, channel, 65535);
    EXPECT_NEAR(n.background, 500, 0.5);
    EXPECT_NEAR(n.noise, 6.1, 0.3);
    EXPECT_EQ(n.largest, 510);
    EXPECT_FALSE(n.floating);
  }
}

}  // namespace
}  // namespace tilecompile
