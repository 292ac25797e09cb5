// What a frame says of itself in its header.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "handmade_fits.hpp"
#include "test_data.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/header/shared_sky.hpp"

namespace tilecompile {
namespace {

FrameFacts facts_of(const std::string& cards) {
  TempDir dir;
  return FrameReader(write_bytes(dir / "x.fits", fits_header(8, {1, 1}, cards) + padded("\1", 0)),
                     ZeroIsNodata::kNever)
      .facts();
}

TEST(FrameFacts, ExposuresInEverySpelling) {
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "'60 s'")).exposure_s, 60);
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "'60,0'")).exposure_s, 60);
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "60.")).exposure_s, 60);
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "'auto'") + fits_card("EXPOSURE", "6.0D1")).exposure_s, 60);
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "'auto'") + fits_card("EXPOSURE", "6.0D1")).exposure_text, "");
  EXPECT_TRUE(std::isnan(facts_of(fits_card("EXPTIME", "1E999")).exposure_s));
  EXPECT_EQ(facts_of(fits_card("EXPTIME", "'auto'")).exposure_text, "EXPTIME 'auto'");
  EXPECT_TRUE(std::isnan(facts_of("").exposure_s));
  EXPECT_EQ(facts_of("").exposure_text, "");
}

TEST(FrameFacts, WhatTheHeaderSaysOfTheFrame) {
  const FrameFacts f =
      facts_of(fits_card("IMAGETYP", "'Flat Field'") + fits_card("STACKCNT", "'10'") +
               fits_card("LIVETIME", "'600,0'") + fits_card("FILTER", "'Ha      '") +
               fits_card("GAIN", "1.0E2") + fits_card("BAYERPAT", "'GRBG'") +
               fits_card("DATE-OBS", "'2024-03-01'") + fits_card("UT", "'20:15:30'") +
               fits_card("JD", "2460371.5") + fits_card("AIRMASS", "1.2") + fits_card("CCD-TEMP", "'-10,0'"));
  EXPECT_EQ(f.calibration_evidence, "IMAGETYP 'Flat Field'");
  EXPECT_EQ(f.stacked_frames, 10);
  EXPECT_EQ(f.live_time_s, 600);
  EXPECT_EQ(f.bayer_pattern, "GRBG");
  const std::vector<std::pair<std::string, std::string>> settings = {
      {"FILTER", "Ha"}, {"GAIN", "100"}, {"IMAGETYP", "Flat Field"}, {"BAYERPAT", "GRBG"}};
  EXPECT_EQ(f.settings, settings);
  EXPECT_EQ(f.time.date_obs, "2024-03-01");
  EXPECT_EQ(f.time.time_obs, "20:15:30");
  EXPECT_EQ(f.time.start_mjd, 60371);
  EXPECT_EQ(f.airmass, 1.2);
  EXPECT_EQ(f.sensor_celsius, -10);
  EXPECT_EQ(f.product_evidence, "");
}

TEST(FrameFacts, NumbersThatCannotBeMeantGiveWayToOtherKeys) {
  const FrameFacts f =
      facts_of(fits_card("MJD-OBS", "0") + fits_card("JD", "2460371.5") + fits_card("STACKCNT", "1E30") +
               fits_card("NCOMBINE", "5") + fits_card("LIVETIME", "1E30") + fits_card("TOTALEXP", "300"));
  EXPECT_EQ(f.time.start_mjd, 60371);
  EXPECT_EQ(f.stacked_frames, 5);
  EXPECT_EQ(f.live_time_s, 300);
  EXPECT_TRUE(std::isnan(facts_of(fits_card("STACKCNT", "1E30")).stacked_frames));
}

TEST(FrameFacts, FindsTracesOfAStretch) {
  TempDir dir;
  const auto evidence = [&](const std::string& line) {
    return FrameReader(write_bytes(dir / "h.fits",
                                   fits_header(8, {1, 1}, raw_card("HISTORY " + line)) + padded("\1", 0)))
        .facts()
        .stretch_evidence;
  };
  for (const char* line :
       {"Asinh Stretch (stretch=6.0, bp=0.00003)", "Histogram Transf. (mid=0.003, lo=0.0, hi=1.0)",
        "AutoStretch (unlinked, shadows: -2.80)", "MTF applied: midtones 0.2",
        "Generalised Hyperbolic stretch", "GHS: D=2.3", "CurvesTransformation", "Curves: K", "arcsinh",
        "log stretch", "Gamma 2.2", "gamma correction", "HistogramTransformation.midtones: 0.01"})
    EXPECT_EQ(evidence(line), line);
  for (const char* line :
       {"Calibrated with master dark, flat", "Background extraction (Correction: Subtraction)",
        "Registered with Lanczos-4", "Object: Gamma Cas", "gamma ray burst follow-up",
        "light curves extracted", "Stacked with winsorized rejection", "Cosmetic correction",
        "Resampled, drizzle 1x", "MTFX table"})
    EXPECT_EQ(evidence(line), "") << line;
}

TEST(FrameFacts, PlaceOnTheSkyFollowsTheCoordinates) {
  TempDir dir;
  const auto place = [&](const std::string& crpix1, const std::string& ctype1 = "'RA---TAN'") {
    const std::string cards = fits_card("CTYPE1", ctype1) + fits_card("CTYPE2", "'DEC--TAN'") +
                              fits_card("CRVAL1", "83.6") + fits_card("CRVAL2", "22.0") +
                              fits_card("CRPIX1", crpix1) + fits_card("CRPIX2", "20.0") +
                              fits_card("CD1_1", "-0.0005") + fits_card("CD1_2", "0.0") +
                              fits_card("CD2_1", "0.0") + fits_card("CD2_2", "0.0005");
    return FrameReader(write_bytes(dir / "w.fits", fits_header(8, {50, 40}, cards) + std::string(2880, '\1')))
        .facts()
        .sky_place;
  };
  const SkyPlace here = place("25.0");
  ASSERT_EQ(here.size(), 3u);
  EXPECT_NEAR(here[1][2], std::sin(22.0 * 3.14159265358979 / 180), 1e-4);
  EXPECT_NEAR(sky_distance_px(here, place("37.0"), 50, 40), 12, 0.05);
  EXPECT_TRUE(place("25.0", "'LINEAR'").empty());
  EXPECT_TRUE(FrameReader(write_bytes(dir / "n.fits", fits_header(8, {5, 1}) + padded("12345", 0)))
                  .facts()
                  .sky_place.empty());
}

TEST(FrameFacts, CoordinatesFollowThePictureToAnotherGrid) {
  std::vector<std::string> records = {fits_card("CRPIX1", "25.0"),   fits_card("CRPIX2", "20.5"),
                                      fits_card("CD1_1", "-0.0005"), fits_card("A_2_1", "0.004"),
                                      fits_card("CRVAL1", "83.6"),   fits_card("OBJECT", "'M 42'")};
  const std::vector<std::string> before = records;
  move_sky_records(records, 0, 0, 1);
  EXPECT_EQ(records, before);
  move_sky_records(records, -10, 4, 0.5);
  const auto number = [&](std::size_t i) { return std::stod(records[i].substr(10, 20)); };
  EXPECT_DOUBLE_EQ(number(0), (25 - 0.5 + 10) / 0.5 + 0.5);
  EXPECT_DOUBLE_EQ(number(1), (20.5 - 0.5 - 4) / 0.5 + 0.5);
  EXPECT_DOUBLE_EQ(number(2), -0.00025);
  EXPECT_DOUBLE_EQ(number(3), 0.001);
  EXPECT_EQ(records[4], before[4]);
  EXPECT_EQ(records[5], before[5]);
  for (const std::string& record : records) EXPECT_EQ(record.size(), 80u);
}

}  // namespace
}  // namespace tilecompile
