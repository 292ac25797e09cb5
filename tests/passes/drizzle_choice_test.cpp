#include "tilecompile/passes/drizzle_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

RunConfig config_with(const std::string& debayer, double output_scale = 1) {
  RunConfig config;
  config.method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
  config.registration.debayer = debayer;
  config.registration.output_scale = output_scale;
  return config;
}

const DrizzleCoverage kGood{60, 0, 0.5, 5, 3.2}, kThin{12, 0.0005, 0.5, 0.6, 3.2}, kFew{5, 0.04, 0.5, 0, 3.2},
    kStill{30, 0.6, 0.66, 0, 0.01};

TEST(DrizzleChoice, AutoDrizzlesColourThatIsWellCovered) {
  EXPECT_TRUE(choose_drizzle(config_with("auto"), true, kGood).drizzle);
  EXPECT_FALSE(choose_drizzle(config_with("auto"), true, kThin).drizzle);
  EXPECT_FALSE(choose_drizzle(config_with("auto"), true, kFew).drizzle);
  EXPECT_FALSE(choose_drizzle(config_with("interpolate"), true, kGood).drizzle);
  EXPECT_THAT(choose_drizzle(config_with("auto"), true, kThin).why,
              HasSubstr("12 frames, shifted by 3.2 px"));
}

TEST(DrizzleChoice, AutoDrizzlesOneColourForASmallerPixel) {
  EXPECT_FALSE(choose_drizzle(config_with("auto"), false, kGood).drizzle);
  EXPECT_TRUE(choose_drizzle(config_with("auto", 2), false, kGood).drizzle);
  EXPECT_FALSE(choose_drizzle(config_with("auto", 2), false, kFew).drizzle);
}

TEST(DrizzleChoice, WhatIsAskedForIsDoneOrRefusedWithTheNumberOfFramesNeeded) {
  EXPECT_TRUE(choose_drizzle(config_with("drizzle"), true, kThin).drizzle);
  EXPECT_TRUE(choose_drizzle(config_with("drizzle"), false, kThin).drizzle);
  try {
    choose_drizzle(config_with("drizzle"), true, kFew);
    FAIL() << "pixels without a drop";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("the 5 frames leave 4 %"));
    EXPECT_THAT(e.what(), HasSubstr("11 frames shifted as these are would be needed. Set"));
  }
  try {
    choose_drizzle(config_with("drizzle"), true, kStill);
    FAIL() << "no dither";
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("dither between exposures"));
  }
}

TEST(DrizzleChoice, WeightsFromSingleTilesRuleItOut) {
  RunConfig config = config_with("drizzle");
  EXPECT_NO_THROW(check_drizzle_keys(config));
  config.method.local_metrics.mode = LocalMetricsParams::Mode::kV2;
  EXPECT_THROW(check_drizzle_keys(config), UsageError);
  config.registration.debayer = "auto";
  EXPECT_NO_THROW(check_drizzle_keys(config));
  EXPECT_FALSE(choose_drizzle(config, true, kGood).drizzle);
}

}  // namespace
}  // namespace tilecompile
