#include "tilecompile/coadd/verdict.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

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
  input.quality.star_count = input.quality.sky_cell_count = 100;
  input.quality.fwhm_change_percent = -9;
  input.quality.background_rms_change_percent = 1;
  input.tile_weight_variance = {1, 0};
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
    input.tile_weight_variance.median = value;
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

const VerdictCheck& named(const std::vector<VerdictCheck>& checks, const std::string& name) {
  for (const VerdictCheck& check : checks)
    if (check.name == name) return check;
  throw std::out_of_range(name);
}

TEST(Verdict, AThresholdIsMissedOnlyByMoreThanTheUncertainty) {
  VerdictInput input = good();
  input.quality.background_rms_change_percent = 2.5;
  const auto rms = [&](double percent, double uncertainty) {
    input.quality.background_rms_change_percent = percent;
    input.quality.background_rms_change_uncertainty_percent = uncertainty;
    return passed(input, "background_rms_increase_percent");
  };
  EXPECT_TRUE(rms(3.5, 1));
  EXPECT_FALSE(rms(std::nextafter(3.5, kInfinity), 1));
  EXPECT_TRUE(rms(900, std::nan(""))) << "nothing tells how sure that is";

  input = good();
  const auto improvement = [&](double percent, double uncertainty) {
    input.quality.fwhm_change_percent = -percent;
    input.quality.fwhm_change_uncertainty_percent = uncertainty;
    return passed(input, "fwhm_improvement_percent");
  };
  EXPECT_TRUE(improvement(4.5, 0.5));
  EXPECT_FALSE(improvement(std::nextafter(4.5, 0), 0.5));

  input = good();
  input.tile_weight_variance = {0.0625, 0.0625};
  EXPECT_TRUE(passed(input, "tile_weight_variance"));
  input.tile_weight_variance = {0.0625, 0.0624};
  EXPECT_FALSE(passed(input, "tile_weight_variance"));
}

// "0.00 % above, at most 0.00 % allowed: FAILED" tells nobody anything.
TEST(Verdict, TheTextSaysWhatTheNumbersInItSay) {
  ValidationParams params = limits();
  params.max_background_rms_increase_percent = 0;
  VerdictInput input = good();
  input.quality.star_count = input.quality.sky_cell_count = 100;
  const auto noise = [&](double percent, double uncertainty) {
    input.quality.background_rms_change_percent = percent;
    input.quality.background_rms_change_uncertainty_percent = uncertainty;
    return named(judge(input, params), "background_rms_increase_percent").text;
  };
  const std::string than = " than that of the plain mean at equal star flux, at most 0 % noisier allowed";
  EXPECT_EQ(noise(0.004, 0.0009),
            "sky 0.004 +- 0.001 % noisier" + than + ": missed by more than its uncertainty");
  EXPECT_EQ(noise(0.4, 0.52), "sky 0.4 +- 0.5 % noisier" + than +
                                  ": missed by less than its uncertainty, so it counts as kept");
  EXPECT_EQ(noise(-2.44, 0.3), "sky 2.4 +- 0.3 % quieter" + than);
  EXPECT_EQ(noise(7, std::nan("")),
            "sky 7.0 % noisier" + than + ": not judged, as fewer than 3 places tell how sure that is");
  input.pattern = {1.257, 3, 1.4, false};
  EXPECT_EQ(named(judge(input, params), "tile_pattern").text,
            "steps on the lines of the tile grid 1.257 of those off them, up to 1.400 can be chance");
  params.min_fwhm_improvement_percent = -3;
  input.quality.fwhm_change_percent = 1.5;
  input.quality.fwhm_change_uncertainty_percent = 0.1;
  EXPECT_EQ(named(judge(input, params), "fwhm_improvement_percent").text,
            "stars 1.5 +- 0.1 % wider than in the plain mean, at most 3 % wider allowed");
  input.quality.star_count = input.quality.sky_cell_count = 0;
  EXPECT_NE(named(judge(input, params), "fwhm_improvement_percent").text.find("no star was"),
            std::string::npos);
  EXPECT_NE(noise(0, std::nan("")).find("nowhere was there sky enough"), std::string::npos);
}

TEST(Verdict, WithoutThresholdsEverythingPassesAndNoTextNamesALimit) {
  VerdictInput bad;
  bad.quality.star_count = bad.quality.sky_cell_count = 100;
  bad.quality.fwhm_change_percent = 300;
  bad.quality.background_rms_change_percent = 900;
  bad.pattern.detected = true;
  const auto names_a_limit = [](const std::string& text) {
    return text.find("asked for") != std::string::npos || text.find("allowed") != std::string::npos ||
           text.find("can be chance") != std::string::npos;
  };
  for (const VerdictCheck& check : judge(bad, {})) {
    EXPECT_TRUE(check.passed) << check.name;
    EXPECT_FALSE(names_a_limit(check.text)) << check.text;
  }
  for (const VerdictCheck& check : judge(bad, limits())) EXPECT_TRUE(names_a_limit(check.text)) << check.text;
}

TEST(TileWeightVariance, IsTheMedianOverTilesOfTheVarianceOverTheSquaredMean) {
  // 1, 3: mean 2, variance 1; 2, 2: none; 0, 8: mean 4, variance 16
  const WeightVariance three = tile_weight_variance({{1, 3}, {2, 2}, {0, 8}});
  EXPECT_EQ(three.median, 0.25);
  EXPECT_EQ(three.uncertainty, median_uncertainty({0.25, 0, 1}));
  const WeightVariance two = tile_weight_variance({{1, 3}, {0, 8}});
  EXPECT_EQ(two.median, 0.5 * (0.25 + 1));
  EXPECT_TRUE(std::isnan(two.uncertainty));
  EXPECT_EQ(tile_weight_variance({{1, 3}, {0, 0}}).median, 0.25)
      << "a tile without weight has no relative variance";
}

}  // namespace
}  // namespace tilecompile
