#include "tilecompile/passes/placed_night.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

/// Four frames of 400 x 300 px in a row, 50 px apart, the third of which could not be fitted.
struct Row {
  Row() {
    for (int f = 0; f < 4; ++f) {
      ManifestEntry& entry = manifest.frames.emplace_back();
      entry.path = "light" + std::to_string(f) + ".fits";
      entry.facts.width = 400;
      entry.facts.height = 300;
      entry.facts.channels = 1;
      FrameFit& fit = fits.fits.emplace_back();
      if (f == 2)
        fit.problem = "clouds";
      else
        fit.transform = shift_transform(50.0 * f, 0);
    }
    fits.reference = 1;
  }
  PlacedNight placed() const { return place_night(config, manifest, fits, plan); }
  std::string refusal() const {
    try {
      placed();
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  }
  RunConfig config;
  Manifest manifest;
  NightFits fits;
  CalibrationPlan plan;
};

TEST(PlacedNight, HoldsTheFramesThatFitWithTheirMasters) {
  Row row;
  row.config.registration.framing = "reference";
  row.plan.cfa = "RGGB";
  row.plan.groups.resize(2);
  row.plan.group_of_frame = {0, 1, 0, 1};
  const PlacedNight night = row.placed();
  ASSERT_EQ(night.registration.frames.size(), 3u);
  ASSERT_EQ(night.placed.size(), 3u);
  EXPECT_EQ(night.registration.frames[2].path, "light3.fits");
  EXPECT_EQ(night.registration.frames[2].calibration, 1);
  EXPECT_EQ(night.registration.reference, "light1.fits");
  EXPECT_EQ(night.registration.cfa_pattern, "RGGB");
  EXPECT_EQ(night.registration.grid.width, 400);
  row.plan.groups.clear();
  EXPECT_EQ(row.placed().registration.frames[0].calibration, -1);
}

TEST(PlacedNight, AnOutputThatNobodyMeantIsRefused) {
  Row row;
  row.config.registration.framing = "intersection";
  EXPECT_NEAR(row.placed().registration.grid.width, 250, 1);
  row.fits.fits[3].transform = shift_transform(390, 0);
  EXPECT_THAT(row.refusal(), HasSubstr("registration.framing: intersection leaves"));
  row.config.registration.framing = "union";
  row.fits.fits[3].transform = shift_transform(3e6, 0);
  EXPECT_THAT(row.refusal(), HasSubstr("registration.framing: union gives a picture with a side of more"));
}

TEST(PlacedNight, SaturationIsThatOfTheBrightestPartOfTheFlat) {
  const auto masters = std::make_shared<CalibrationMasters>();
  masters->dark = Plane<float>(100, 100, 1000);
  masters->flat = Plane<float>(100, 100, 1);
  for (float& f : masters->flat.samples()) f = 1.25F;
  EXPECT_EQ(calibrated_saturation(61000, {nullptr, masters}), 60000 / 1.25);
  EXPECT_EQ(calibrated_saturation(61000, {}), 61000);
  try {
    calibrated_saturation(900, {masters});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("below the level of the master dark"));
  }
}

}  // namespace
}  // namespace tilecompile
