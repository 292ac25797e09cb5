#include "tilecompile/coadd/verdict.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace tilecompile {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

ValidationParams limits() {
  ValidationParams params;
  params.min_fwhm_improvement_percent = 5;
  params.max_background_rms_increase_percent = 2.5;
  params.min_tile_weight_variance = 0.125;
  params.require_no_tile_pattern = true;
  return params;
}

// A product that keeps all limits with room to spare.
VerdictInput good() {
  VerdictInput input;
  input.channel = 2;
  input.quality.fwhm_change_percent = -9;
  input.quality.background_rms_change_percent = 1;
  input.tile_weight_variance = 1;
  return input;
}

// Whether the check of this name passed; every other check has to pass.
bool passed(const VerdictInput& input, const std::string& name) {
  bool result = true, found = false;
  for (const VerdictCheck& check : judge(input, limits())) {
    EXPECT_EQ(check.channel, 2);
    if (check.name == name) {
      result = check.passed;
      found = true;
    } else {
      EXPECT_TRUE(check.passed) << check.name;
    }
  }
  EXPECT_TRUE(found) << name;
  return result;
}

TEST(Verdict, ALimitItselfStillPassesAndTheNextNumberDoesNot) {
  VerdictInput input = good();
  const auto improvement = [&](double percent) {
    input.quality.fwhm_change_percent = -percent;
    return passed(input, "fwhm_improvement_percent");
  };
  EXPECT_TRUE(improvement(std::nextafter(5, kInfinity)));
  EXPECT_TRUE(improvement(5));
  EXPECT_FALSE(improvement(std::nextafter(5, 0)));
  EXPECT_FALSE(improvement(-9)) << "wider stars are no improvement";

  input = good();
  const auto rms = [&](double percent) {
    input.quality.background_rms_change_percent = percent;
    return passed(input, "background_rms_increase_percent");
  };
  EXPECT_TRUE(rms(std::nextafter(2.5, 0)));
  EXPECT_TRUE(rms(2.5));
  EXPECT_FALSE(rms(std::nextafter(2.5, kInfinity)));
  EXPECT_TRUE(rms(-9)) << "less noise is never too much";

  input = good();
  const auto variance = [&](double value) {
    input.tile_weight_variance = value;
    return passed(input, "tile_weight_variance");
  };
  EXPECT_TRUE(variance(std::nextafter(0.125, 1)));
  EXPECT_TRUE(variance(0.125));
  EXPECT_FALSE(variance(std::nextafter(0.125, 0)));
}

TEST(Verdict, APatternCountsWhenItIsFoundAndForbidden) {
  VerdictInput input = good();
  EXPECT_TRUE(passed(input, "tile_pattern"));
  input.pattern.detected = true;
  EXPECT_FALSE(passed(input, "tile_pattern"));
  ValidationParams tolerant = limits();
  tolerant.require_no_tile_pattern = false;
  for (const VerdictCheck& check : judge(input, tolerant)) EXPECT_TRUE(check.passed) << check.name;
}

TEST(Verdict, WithoutThresholdsEverythingPassesAndNoTextNamesALimit) {
  VerdictInput bad;
  bad.quality.fwhm_change_percent = 300;
  bad.quality.background_rms_change_percent = 900;
  bad.pattern.detected = true;
  for (const VerdictCheck& check : judge(bad, {})) {
    EXPECT_TRUE(check.passed) << check.name;
    EXPECT_EQ(check.text.find("asked for"), std::string::npos) << check.text;
    EXPECT_EQ(check.text.find("allowed"), std::string::npos) << check.text;
  }
  for (const VerdictCheck& check : judge(bad, limits()))
    EXPECT_TRUE(check.text.find("asked for") != std::string::npos ||
                check.text.find("allowed") != std::string::npos)
        << check.text;
}

TEST(TileWeightVariance, IsTheMedianOverTilesOfTheVarianceOverTheSquaredMean) {
  // 1, 3: mean 2, variance 1; 2, 2: none; 0, 8: mean 4, variance 16
  EXPECT_EQ(tile_weight_variance({{1, 3}, {2, 2}, {0, 8}}), 0.25);
  EXPECT_EQ(tile_weight_variance({{1, 3}, {0, 8}}), 0.5 * (0.25 + 1));
  EXPECT_EQ(tile_weight_variance({{1, 3}, {0, 0}}), 0.25) << "a tile without weight has no relative variance";
}

}  // namespace
}  // namespace tilecompile
