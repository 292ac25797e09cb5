#include "tilecompile/header/header_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Manifest night(int frames) {
  Manifest manifest;
  for (int i = 0; i < frames; ++i) {
    ManifestEntry entry;
    entry.path = "f" + std::to_string(i) + ".fit";
    entry.facts.width = 90;
    entry.facts.height = 70;
    entry.facts.channels = 1;
    entry.facts.exposure_s = 60;
    entry.facts.time.date_obs = "2024-03-01T20:0" + std::to_string(i) + ":00";
    manifest.frames.push_back(entry);
  }
  return manifest;
}

TEST(CalibrationFrames, ByTheWordsOfCapturePrograms) {
  for (const char* text : {"Dark Frame",
                           "Dark",
                           "DARK",
                           "dark frame",
                           "Bias Frame",
                           "BIAS",
                           "Bias",
                           "Flat Field",
                           "Flat Frame",
                           "FLAT",
                           "flat",
                           "DARKFLAT",
                           "Flat Dark",
                           "FLATDARK",
                           "Dark Flat",
                           "Master Dark",
                           "masterFlat",
                           "MASTER_BIAS",
                           "zero",
                           "Zero Frame",
                           "Offset",
                           "dome flat",
                           "DOME",
                           "SKYFLAT",
                           "twilight",
                           "FLAT,SKY",
                           "DARK,FLAT",
                           "LAMP",
                           "comp",
                           "arc",
                           "Master Flat Dark"})
    EXPECT_TRUE(names_a_calibration_frame(text)) << text;
  for (const char* text : {"",
                           "Light Frame",
                           "Light",
                           "LIGHT",
                           "light",
                           "object",
                           "OBJECT",
                           "SCIENCE",
                           "Master Light",
                           "Light (dark subtracted)",
                           "dark subtracted",
                           "Flat-fielded",
                           "flat corrected",
                           "SKY",
                           "SNAPSHOT",
                           "Tricolor Image",
                           "Target",
                           "calibrated",
                           "FK5",
                           "1",
                           "stacked",
                           "STD"})
    EXPECT_FALSE(names_a_calibration_frame(text)) << text;
}

TEST(BayerLetters, OnlyRealPatterns) {
  EXPECT_EQ(bayer_letters("RGGB"), "RGGB");
  EXPECT_EQ(bayer_letters("grbg  "), "GRBG");
  EXPECT_EQ(bayer_letters("CMYG"), "CMYG");
  for (const char* text : {"", "NONE", "MONO", "RGB", "N/A", "TRUE", "T", "0", "GGGG"})
    EXPECT_EQ(bayer_letters(text), "") << text;
}

TEST(OwnProducts, ByTheirIdsWhoeverWroteTheFileAgain) {
  const std::string id = "0a1b2c3d-0000-4000-8000-000000000001", hash(64, 'a');
  EXPECT_EQ(product_by_cards({"tilecompile 0.1.0", id, hash, hash, "", "", "", false}),
            "a picture that tilecompile wrote (run " + id + ")");
  EXPECT_EQ(product_by_cards({"Siril v1.2.0", id, hash, hash, "", "", "", false}),
            "a picture that tilecompile wrote (run " + id + ")");
  EXPECT_EQ(product_by_cards({"tilecompile 0.1.0", id, "", "", "", "", "", false}),
            "a picture that tilecompile wrote (run " + id + ")");
  EXPECT_EQ(product_by_cards({"", id, "", "", "17", hash, "", false}),
            "tile 17 that tilecompile wrote (run " + id + ")");
  EXPECT_EQ(product_by_cards({"", "", "", "", "", "", "QUALITY", true}),
            "tile metrics that tilecompile wrote");
  EXPECT_EQ(product_by_cards({"N.I.N.A. 2.3", "17", "", "", "", "", "", false}), "");
  EXPECT_EQ(product_by_cards({"", "", "", "list.txt", "5", "", "QUALITY", false}), "");
  EXPECT_EQ(product_by_cards({}), "");
}

TEST(OddFrames, DarksAndStacksAmongLights) {
  Manifest manifest = night(6);
  manifest.frames[2].facts.calibration_evidence = "IMAGETYP 'Dark Frame'";
  manifest.frames[4].facts.stacked_frames = 30;
  const auto bad = odd_frames(manifest, {});
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].path, "f2.fit");
  EXPECT_THAT(bad[0].reason, HasSubstr("IMAGETYP 'Dark Frame'"));
  EXPECT_EQ(bad[1].path, "f4.fit");
  EXPECT_THAT(bad[1].reason, HasSubstr("is a stack of 30 frames"));
}

TEST(OddFrames, ANightOfStacksIsFine) {
  Manifest manifest = night(6);
  for (auto& f : manifest.frames) f.facts.stacked_frames = 10;
  manifest.frames[1].facts.stacked_frames = 12;
  EXPECT_THAT(odd_frames(manifest, {}), IsEmpty());
  for (auto& f : manifest.frames) f.facts.stacked_frames = 1;
  EXPECT_THAT(odd_frames(manifest, {}), IsEmpty());
}

TEST(RawColour, EndsTheRunUnlessTheUserSaysMono) {
  Manifest manifest = night(3);
  DataParams data;
  EXPECT_THAT(raw_colour_frames(manifest, data), IsEmpty());
  for (auto& f : manifest.frames) f.facts.bayer_pattern = "GRBG";
  for (const ColorMode mode : {ColorMode::kAuto, ColorMode::kOsc, ColorMode::kRgb}) {
    data.color_mode = mode;
    try {
      raw_colour_frames(manifest, data);
      FAIL() << static_cast<int>(mode);
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("raw colour frames: set input.stage: raw and registration.engine: "
                                          "internal, or debayer first"));
      EXPECT_THAT(error.what(), HasSubstr("3 of 3 frames"));
    }
  }
  data.color_mode = ColorMode::kMono;
  EXPECT_THAT(raw_colour_frames(manifest, data), IsEmpty());
  data.color_mode = ColorMode::kOsc;
  for (auto& f : manifest.frames) f.facts.channels = 3;
  EXPECT_THAT(raw_colour_frames(manifest, data), IsEmpty());
}

TEST(RawColour, AFewAmongOthersAreBadFrames) {
  Manifest manifest = night(5);
  for (const std::size_t i : {1u, 3u}) manifest.frames[i].facts.bayer_pattern = "RGGB";
  EXPECT_THAT(raw_colour_frames({}, {}), IsEmpty()) << "all frames are bad for other reasons";
  const auto bad = raw_colour_frames(manifest, {});
  ASSERT_EQ(bad.size(), 2u);
  EXPECT_EQ(bad[0].path, manifest.frames[1].path);
  EXPECT_THAT(bad[1].reason,
              HasSubstr("is a raw colour frame (one plane and BAYERPAT 'RGGB'), most are not"));
}

TEST(HeaderWarnings, NothingOfAnEvenNight) { EXPECT_THAT(header_warnings(night(6)), IsEmpty()); }

TEST(HeaderWarnings, NothingWhereNoHeaderSaysAnything) {
  Manifest manifest = night(3);
  for (auto& f : manifest.frames) {
    f.facts.exposure_s = kNotStated;
    f.facts.time = {};
  }
  EXPECT_THAT(header_warnings(manifest), IsEmpty());
}

TEST(HeaderWarnings, MixedSettingsAreNamedOnceInGroups) {
  Manifest manifest = night(6);
  for (std::size_t i = 0; i < 6; ++i)
    manifest.frames[i].facts.settings = {{"FILTER", i == 1 || i == 4 ? "Ha" : "L"},
                                         {"GAIN", i == 5 ? "0" : "100"}};
  manifest.frames[0].facts.settings.pop_back();  // says nothing of its gain
  EXPECT_THAT(header_warnings(manifest),
              ElementsAre("2 of 6 frames have FILTER 'Ha', the others 'L': f1.fit, f4.fit",
                          "1 of 6 frames have GAIN '0', the others '100': f5.fit"));
}

TEST(HeaderWarnings, TimesAndExposuresThatAreMissingOrUnread) {
  Manifest manifest = night(6);
  manifest.frames[0].facts.time.date_obs = "soon";
  manifest.frames[1].facts.time.date_obs = "later";
  manifest.frames[2].facts.time.date_obs = "";
  manifest.frames[3].facts.exposure_s = kNotStated;
  manifest.frames[4].facts.exposure_s = kNotStated;
  manifest.frames[4].facts.exposure_text = "EXPTIME 'auto'";
  manifest.frames[5].facts.stacked_frames = 10;
  EXPECT_THAT(
      header_warnings(manifest),
      ElementsAre(
          "in 2 of 6 frames DATE-OBS 'soon' cannot be read: f0.fit, f1.fit",
          "1 of 6 frames state no date, the dates of the pictures are those of the others: f2.fit",
          HasSubstr("1 of 6 frames state an exposure that is no number of seconds (EXPTIME 'auto')"),
          HasSubstr("1 of 6 frames state no exposure, so the pictures state no sum of exposures: f3.fit"),
          HasSubstr("1 of 6 frames are stacks that state only one of STACKCNT and LIVETIME")));
}

}  // namespace
}  // namespace tilecompile
