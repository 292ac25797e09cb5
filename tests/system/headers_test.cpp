#include <gmock/gmock.h>

#include "night_folder.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kSetAside = {"--set", "input.on_bad_frame=quarantine"};

/// The picture of the six frames alone.
std::string clean_digest() {
  static const std::string digest = [] {
    const NightFolder night;
    const ProgramEnd end = night.call("run");
    EXPECT_EQ(end.code, 0) << end.err;
    return night.digest();
  }();
  return digest;
}

void expect_bad(const NightFolder& night, const std::string& name, const std::string& reason) {
  const ProgramEnd refused = night.call("run");
  EXPECT_EQ(refused.code, 4) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr(name + ": " + reason));
  const ProgramEnd end = night.call("run", kSetAside);
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(night.paths_of("quarantined_frames"), name + "\n");
  EXPECT_EQ(night.digest(), clean_digest());
  const ProgramEnd plan = night.call("plan", kSetAside);
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("frame quarantined: " + name + ": " + reason));
}

TEST(Headers, ADarkIsNoLight) {
  const NightFolder night;
  night.write("z.fits", 9, {{"IMAGETYP", std::string("Dark Frame"), ""}});
  expect_bad(night, "z.fits", "is no light, its header says IMAGETYP 'Dark Frame'");
}

TEST(Headers, AFlatOfKStarsIsNoLight) {
  const NightFolder night;
  night.write("z.fits", 9, {{"FRAME", std::string("Flat"), ""}});
  expect_bad(night, "z.fits", "is no light, its header says FRAME 'Flat'");
}

TEST(Headers, LastNightsStackIsNoFrame) {
  const NightFolder night;
  night.write("z.fits", 9, {{"STACKCNT", std::int64_t{30}, ""}, {"LIVETIME", 1800.0, ""}});
  expect_bad(night, "z.fits", "is a stack of 30 frames");
}

TEST(Headers, ProductsOfOurOwnAreLeftOutWhateverTheyAre) {
  const NightFolder night;
  ASSERT_EQ(night.call("run").code, 0);
  const std::string stack = night.record().at("products").at("stack").at("file");
  fs::create_directory(night.path() / "kept");
  fs::copy_file(night.run_dir() / stack, night.path() / "kept/a_stack.fits");
  fs::copy_file(night.run_dir() / "classical.coverage.fits", night.path() / "kept/coverage.fits");
  fs::copy_file(night.run_dir() / "tiles/tile_000000.fits", night.path() / "kept/tile.fits");
  fs::copy_file(night.run_dir() / "tile_metrics.fits", night.path() / "kept/tile_metrics.fits");
  fs::rename(night.path() / "kept", night.frames() / "kept");
  const ProgramEnd end = night.call("run");
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(night.paths_of("left_out_frames"),
            "kept/a_stack.fits\nkept/coverage.fits\nkept/tile.fits\nkept/tile_metrics.fits\n");
  EXPECT_EQ(night.digest(), clean_digest());
  EXPECT_THAT(end.out,
              HasSubstr("left out   kept/a_stack.fits: is a picture that tilecompile wrote (run 0a1b2c3d"));
  EXPECT_THAT(end.err, HasSubstr("kept/a_stack.fits"));
  for (int i = 2; i <= 6; ++i) fs::remove(night.frames() / NightFolder::name(i));  // now they are most
  EXPECT_THAT(night.call("plan").out, HasSubstr("left out: kept/a_stack.fits"));
  fs::remove(night.frames() / NightFolder::name(1));
  const ProgramEnd none = night.call("run");
  EXPECT_EQ(none.code, 4);
  EXPECT_THAT(none.err, HasSubstr("files that were read in"));
}

TEST(Headers, RawColourFramesEndTheRun) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i) night.write(NightFolder::name(i), i, {{"BAYERPAT", std::string("RGGB"), ""}});
  const std::string text =
      "raw colour frames: set input.stage: raw and registration.engine: internal, or debayer first";
  for (const char* mode : {"auto", "OSC", "RGB"}) {
    const ProgramEnd end = night.call(
        "run", {"--set", std::string("data.color_mode=") + mode, "--set", "input.on_bad_frame=quarantine"});
    EXPECT_EQ(end.code, 4) << mode;
    EXPECT_THAT(end.err, HasSubstr(text));
  }
  EXPECT_THAT(night.call("plan").err, HasSubstr(text));
  const ProgramEnd mono = night.call("run", {"--set", "data.color_mode=MONO"});
  ASSERT_EQ(mono.code, 0) << mono.err;
  EXPECT_EQ(night.card("BAYERPAT"), "");
  EXPECT_EQ(night.digest(), clean_digest());
}

TEST(Headers, ARawColourFrameAmongOthersIsABadFrame) {
  const NightFolder night;
  const HeaderCard card{"BAYERPAT", std::string("RGGB"), ""};
  night.write("g_raw.fits", 8, {card});
  night.write("g_dark.fits", 9, {card, {"IMAGETYP", std::string("Dark Frame"), ""}});
  const ProgramEnd refused = night.call("run");
  EXPECT_EQ(refused.code, 4);
  EXPECT_THAT(refused.err, HasSubstr("2 of 8 frames cannot be used"));
  EXPECT_THAT(refused.err,
              HasSubstr("g_raw.fits: is a raw colour frame (one plane and BAYERPAT 'RGGB'), most"));
  EXPECT_THAT(refused.err, HasSubstr("g_dark.fits: is no light"));
  const ProgramEnd end =
      night.call("run", {"--set", "input.on_bad_frame=quarantine", "--set", "input.max_bad_share=0.5"});
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(night.digest(), clean_digest());
}

TEST(Headers, MixedFiltersAreNamedOnce) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i, {{"FILTER", std::string(i == 2 || i == 5 ? "Ha" : "L"), ""}});
  const std::string text = "2 of 6 frames have FILTER 'Ha', the others 'L': f2.fits, f5.fits";
  const ProgramEnd end = night.call("run");
  ASSERT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(night.warnings(), text + "\n");
  EXPECT_THAT(end.err, HasSubstr(text));
  EXPECT_THAT(night.call("plan").out, HasSubstr(text));
}

TEST(Headers, ExposuresInQuotesWithACommaAreCompared) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i, {{"EXPTIME", std::string(i == 4 ? "10,0" : "60,0"), ""}});
  const ProgramEnd end = night.call("run");
  EXPECT_EQ(end.code, 4);
  EXPECT_THAT(end.err, HasSubstr("f4.fits: exposed 10 s"));
  for (const char* spelling : {"60 s", "60,0", "60.0s", "1 min"}) {
    night.write(NightFolder::name(4), 4, {{"EXPTIME", std::string(spelling), ""}});
    ASSERT_EQ(night.call("run").code, 0) << spelling;
    EXPECT_EQ(std::stod(night.card("LIVETIME")), 360) << spelling;
    EXPECT_EQ(night.digest(), clean_digest());
  }
}

TEST(Headers, AnExposureThatOneFrameDoesNotStateIsUnknownOfThePicture) {
  const NightFolder night;
  night.write(NightFolder::name(3), 3, {}, {"EXPTIME"});
  ASSERT_EQ(night.call("run").code, 0);
  EXPECT_THAT(night.warnings(), HasSubstr("1 of 6 frames state no exposure, so the pictures state no sum"));
  for (const char* key : {"EXPTIME", "LIVETIME", "TOTALEXP"}) EXPECT_EQ(night.card(key), "") << key;
  EXPECT_EQ(night.card("STACKCNT"), "6");
}

TEST(Headers, FramesThatAreStacksAddUp) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i, {{"STACKCNT", std::int64_t{10}, ""}, {"LIVETIME", 600.0, ""}});
  ASSERT_EQ(night.call("run").code, 0);
  EXPECT_EQ(night.card("STACKCNT"), "60");
  EXPECT_EQ(night.card("NCOMBINE"), "60");
  EXPECT_EQ(std::stod(night.card("LIVETIME")), 3600);
  EXPECT_EQ(std::stod(night.card("TOTALEXP")), 3600);
  EXPECT_EQ(std::stod(night.card("EXPTIME")), 60);
}

TEST(Headers, ADateBesideATimeOfDay) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(
        NightFolder::name(i), i,
        {{"DATE-OBS", std::string("2024-03-01"), ""}, {"TIME-OBS", "20:0" + std::to_string(i) + ":00", ""}});
  ASSERT_EQ(night.call("run").code, 0);
  EXPECT_EQ(night.card("DATE-OBS"), "2024-03-01T20:01:00.000");
  EXPECT_EQ(night.card("DATE-END"), "2024-03-01T20:07:00.000");
  EXPECT_EQ(night.card("DATE-AVG"), "2024-03-01T20:04:00.000");
  EXPECT_EQ(night.card("TIME-OBS"), "");
  EXPECT_EQ(night.warnings(), "");
}

TEST(Headers, ADateAloneIsNotMadeMidnight) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i, {{"DATE-OBS", std::string("2024-03-01"), ""}});
  ASSERT_EQ(night.call("run").code, 0);
  EXPECT_EQ(night.card("DATE-OBS"), "2024-03-01");
  EXPECT_EQ(night.card("DATE-END"), "");
  EXPECT_THAT(night.warnings(), HasSubstr("in 6 of 6 frames DATE-OBS is a date without a time of day"));
}

TEST(Headers, KeysOfOneExposureAreRecomputedOrDropped) {
  const NightFolder night;
  for (int i = 1; i <= 6; ++i)
    night.write(NightFolder::name(i), i,
                {{"MJD-OBS", 60370.8340277777 + i / 1440.0, ""},
                 {"AIRMASS", 1 + i / 10.0, ""},
                 {"CCD-TEMP", -10.0 + i, ""},
                 {"FOCUSPOS", std::int64_t{1234}, ""},
                 {"HFR", 2.5, ""},
                 {"CENTALT", 45.0, ""},
                 {"EXPSTART", 60370.8, ""},
                 {"FILENAME", std::string("light_0001.fits"), ""},
                 {"IMAGEID", std::int64_t{7}, ""},
                 {"SET-TEMP", -10.0, ""},
                 {"FOCALLEN", 800.0, ""},
                 {"SITELAT", 50.0, ""}});
  ASSERT_EQ(night.call("run").code, 0);
  EXPECT_NEAR(std::stod(night.card("MJD-OBS")), 60370.8340277777 + 0.5 / 1440, 1.0 / 1440);
  EXPECT_NEAR(std::stod(night.card("AIRMASS")), 1.35, 1e-9);
  EXPECT_NEAR(std::stod(night.card("CCD-TEMP")), -6.5, 1e-9);
  for (const char* key : {"FOCUSPOS", "HFR", "CENTALT", "EXPSTART", "FILENAME", "IMAGEID"})
    EXPECT_EQ(night.card(key), "") << key;
  for (const char* key : {"SET-TEMP", "FOCALLEN", "SITELAT"}) EXPECT_NE(night.card(key), "") << key;
}

}  // namespace
}  // namespace tilecompile
