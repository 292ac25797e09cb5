#include "tilecompile/report/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::Not;

ProductQuality figures(double plain_fwhm, double fwhm, double plain_rms, double rms, double flux_ratio) {
  ProductQuality q;
  q.star_count = 90;
  q.plain_fwhm_px = plain_fwhm;
  q.fwhm_px = fwhm;
  q.fwhm_change_percent = 100 * (fwhm / plain_fwhm - 1);
  q.fwhm_change_uncertainty_percent = 0.41;
  q.flux_star_count = 45;
  q.flux_ratio = flux_ratio;
  q.sky_cell_count = 80;
  q.plain_rms = plain_rms;
  q.background_rms = rms;
  q.equal_flux_rms = rms / flux_ratio;
  q.background_rms_change_percent = 100 * (q.equal_flux_rms / plain_rms - 1);
  q.background_rms_change_uncertainty_percent = 0.32;
  return q;
}

RunRecord record(int channels) {
  RunRecord r;
  r.run_id = "id";
  r.profile = "recommended";
  r.profile_why = "named by the configuration";
  r.channels = channels;
  const std::vector<ProductQuality> plain(static_cast<std::size_t>(channels),
                                          figures(3.3, 3.3, 3.564, 3.564, 1));
  std::vector<ProductQuality> picture;
  for (int c = 0; c < channels; ++c) picture.push_back(figures(3.3, 3.0 + 0.03 * c, 3.564, 3.72, 1.0355));
  r.products = {{"classical", "classical.fits", "aa", plain, plain, {}},
                {"reconstruction", "reconstruction.fits", "bb", picture, picture, {}},
                {"stack", "stacked.fit", "cc", picture, picture, {}}};
  return r;
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.size() - 1;
  return text.substr(text.rfind('\n', end - 1) + 1, end - text.rfind('\n', end - 1) - 1);
}

TEST(RunSummary, EndsInOnePlainLine) {
  EXPECT_EQ(last_line(run_summary(record(1), "/runs/id")),
            "9.1 % sharper, 0.8 % noisier than the plain mean; your picture: /runs/id/stacked.fit");
  RunRecord r = record(1);
  r.products.back().common_area[0].fwhm_change_percent = 0.52;
  r.products.back().common_area[0].background_rms_change_percent = -12.06;
  EXPECT_EQ(last_line(run_summary(r, "/runs/id")),
            "0.5 % less sharp, 12.1 % quieter than the plain mean; your picture: /runs/id/stacked.fit");
  r.products.back().common_area[0].star_count = 0;
  EXPECT_THAT(last_line(run_summary(r, "/r")), testing::StartsWith("12.1 % quieter than the plain mean; "));
  r.products.back().common_area[0].sky_cell_count = 0;
  EXPECT_EQ(last_line(run_summary(r, "/r")), "your picture: /r/stacked.fit");
  EXPECT_EQ(last_line(run_summary(r, "/r", "/M_51")), "your picture: /M_51/stacked.fit");
}

TEST(RunSummary, TheLastLineIsTheMeanOfTheChannels) {
  EXPECT_THAT(last_line(run_summary(record(3), "/r")), testing::StartsWith("8.2 % sharper, 0.8 % noisier"));
}

// Of two figures and their change in one line the third follows from the others.
TEST(RunSummary, FiguresAndChangesOfALineAgree) {
  const std::string text = run_summary(record(3), "/r");
  const std::regex changed("([0-9.]+) -> ([0-9.]+)(?: px)? \\(([+-][0-9.]+) \\+- [0-9.]+ %\\)");
  int found = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), changed), end; it != end; ++it, ++found)
    EXPECT_NEAR(100 * (std::stod((*it)[2]) / std::stod((*it)[1]) - 1), std::stod((*it)[3]), 0.06)
        << it->str();
  EXPECT_EQ(found, 2 * 2 * 2 * 3);
  EXPECT_THAT(text, HasSubstr("sky noise 3.564 -> 3.592 (+0.8 +- 0.3 %)"));
}

TEST(RunSummary, NamesTheChannelsOfAColourPicture) {
  RunRecord r = record(3);
  for (int c = 0; c < 3; ++c) r.verdict.push_back({"tile_pattern", c, 1, 0, 1.25, c != 1, "steps"});
  r.verdict.push_back({"failed_tiles", kAllChannels, 2, 0, 0, false, "2 tiles"});
  const std::string text = run_summary(r, "/r");
  for (const char* line :
       {"common area R   90 stars", "all covered B   90 stars", "verdict    tile_pattern R: steps",
        "FAILED     tile_pattern G: steps", "FAILED     failed_tiles: 2 tiles"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(run_summary(record(1), "/r"), HasSubstr("common area     90 stars"));
  EXPECT_EQ(channel_name(1, 2), "1");
}

TEST(RunSummary, ThePlainMeanIsNotComparedWithItselfAndTwinsAreNotToldTwice) {
  RunRecord r = record(1);
  r.products[2].digest = "bb";
  const std::string text = run_summary(r, "/r");
  EXPECT_THAT(text, HasSubstr("classical  /r/classical.fits\n"));
  EXPECT_THAT(text, HasSubstr("FWHM 3.3 px  sky noise 3.564\n"));
  EXPECT_THAT(text, HasSubstr("  the same pixels as reconstruction.fits\n"));
  EXPECT_THAT(text, HasSubstr("profile    recommended: named by the configuration\n"));
}

TEST(RunSummary, WhatIsNotKnownIsNotPrinted) {
  RunRecord r = record(1);
  for (auto* area : {&r.products[1].common_area, &r.products[1].covered_area})
    area->front().fwhm_change_uncertainty_percent = std::nan("");
  const std::string text = run_summary(r, "/r");
  EXPECT_THAT(text, HasSubstr("FWHM 3.3 -> 3 px (-9.1 %)"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace tilecompile
