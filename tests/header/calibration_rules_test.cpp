#include "tilecompile/header/calibration_rules.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

ManifestEntry frame(const std::string& path, const std::string& imagetyp = "", double exposure_s = 30) {
  ManifestEntry entry;
  entry.path = path;
  entry.facts.width = 100;
  entry.facts.height = 80;
  entry.facts.channels = 1;
  entry.facts.exposure_s = exposure_s;
  if (!imagetyp.empty()) entry.facts.settings.emplace_back("IMAGETYP", imagetyp);
  return entry;
}

std::string refusal(FrameKind kind, const ManifestEntry& entry, const ManifestEntry& light = frame("l.fit")) {
  return misfits(kind, {{entry}, {}}, {{light}, {}}, "auto");
}

TEST(CalibrationRules, KindsAreReadFromTheWordsOfCapturePrograms) {
  EXPECT_EQ(kind_named("Dark Frame"), FrameKind::kDark);
  EXPECT_EQ(kind_named("MASTERDARK"), FrameKind::kDark);
  EXPECT_EQ(kind_named("FLATDARK"), FrameKind::kFlatDark);
  EXPECT_EQ(kind_named("Dark Flat"), FrameKind::kFlatDark);
  EXPECT_EQ(kind_named("Flat Field"), FrameKind::kFlat);
  EXPECT_EQ(kind_named("SKYFLAT"), FrameKind::kFlat);
  EXPECT_EQ(kind_named("zero"), FrameKind::kBias);
  EXPECT_EQ(kind_named("Bias Frame"), FrameKind::kBias);
  EXPECT_EQ(kind_named("Light Frame"), FrameKind::kLight);
  EXPECT_EQ(kind_named("focus"), FrameKind::kUnknown);
}

TEST(CalibrationRules, AFrameWithoutWordsServesAsWhatItWasGivenFor) {
  for (const FrameKind kind : {FrameKind::kBias, FrameKind::kDark, FrameKind::kFlat, FrameKind::kFlatDark})
    EXPECT_EQ(refusal(kind, frame("a.fit")), "");
}

TEST(CalibrationRules, ShortDarksServeAsBiasesAndLongOnesDoNot) {
  EXPECT_EQ(refusal(FrameKind::kBias, frame("a.fit", "Dark Frame", 0.001)), "");
  EXPECT_NE(refusal(FrameKind::kBias, frame("a.fit", "Dark Frame", 30)), "");
  EXPECT_EQ(refusal(FrameKind::kDark, frame("a.fit", "FLATDARK")), "");
  EXPECT_NE(refusal(FrameKind::kDark, frame("a.fit", "Bias Frame", 0)), "");
  EXPECT_EQ(refusal(FrameKind::kFlatDark, frame("a.fit", "Dark Frame")), "");
  EXPECT_NE(refusal(FrameKind::kFlat, frame("a.fit", "Light Frame")), "");
}

TEST(CalibrationRules, OnlyWhatBothStateIsCompared) {
  ManifestEntry dark = frame("d.fit"), light = frame("l.fit");
  dark.facts.settings.emplace_back("GAIN", "100");
  EXPECT_EQ(refusal(FrameKind::kDark, dark, light), "");
  light.facts.settings.emplace_back("GAIN", "120");
  EXPECT_EQ(refusal(FrameKind::kDark, dark, light), "\n  d.fit: state GAIN 100, the light l.fit 120");
  EXPECT_EQ(refusal(FrameKind::kFlat, dark, light), "");  // a flat is divided by itself
  light.facts.bayer_pattern = "RGGB";
  light.facts.settings.back().second = "100";
  EXPECT_EQ(refusal(FrameKind::kDark, dark, light), "");
  dark.facts.bayer_pattern = "RGGB";
  dark.facts.settings.emplace_back("ROWORDER", "BOTTOM-UP");
  EXPECT_NE(refusal(FrameKind::kDark, dark, light), "");
}

TEST(CalibrationRules, FramesWithTheSameReasonAreNamedTogether) {
  Manifest darks;
  for (int i = 0; i < 14; ++i) {
    darks.frames.push_back(frame("d" + std::to_string(i) + ".fit"));
    darks.frames.back().facts.width = i == 3 ? 100 : 50;
  }
  EXPECT_EQ(
      misfits(FrameKind::kDark, darks, {{frame("l.fit")}, {}}, "auto"),
      "\n  d0.fit, d1.fit, d2.fit, d4.fit, d5.fit, d6.fit, d7.fit, d8.fit, d9.fit, d10.fit and 3 more: have "
      "50 x 80 pixels, the light l.fit 100 x 80 pixels");
}

}  // namespace
}  // namespace tilecompile
