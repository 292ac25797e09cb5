#include "tilecompile/report/rejection_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tilecompile {
namespace {

// Two tiles of 100 pixels; the second frame covers half of the picture.
TEST(RejectionReport, SharesAreOfAFramesValidPixels) {
  Grid grid;
  grid.tiles = {{0, 0, 10, 10}, {5, 0, 10, 10}};
  FrameMetrics metrics;
  metrics.channels.assign(1, std::vector<FrameChannel>(2));
  metrics.channels[0][0].valid_fraction = 1;
  metrics.channels[0][1].valid_fraction = 0.5;
  const RejectionReport report = rejection_report({{1, 0}}, {{3, 10}}, grid, metrics, {"a.fits", "b,c.fits"});
  EXPECT_EQ(report.csv,
            "frame_index,path,channel,rejected_low,rejected_high,share\n"
            "0,a.fits,0,1,3,0.02\n"
            "1,\"b,c.fits\",0,0,10,0.1\n");
  const nlohmann::json summary = nlohmann::json::parse(report.summary);
  EXPECT_EQ(summary["low"], 1);
  EXPECT_EQ(summary["high"], 13);
  EXPECT_DOUBLE_EQ(summary["percent"], 100 * 14 / 300.0);
  EXPECT_EQ(summary["most_in"], "b,c.fits");
  EXPECT_DOUBLE_EQ(summary["most_percent"], 10);
}

TEST(RejectionReport, AFrameWithoutValidPixelsHasNoShare) {
  Grid grid;
  grid.tiles = {{0, 0, 10, 10}};
  FrameMetrics metrics;
  metrics.channels.assign(1, std::vector<FrameChannel>(1));
  const RejectionReport report = rejection_report({{0}}, {{0}}, grid, metrics, {"a.fits"});
  EXPECT_EQ(nlohmann::json::parse(report.summary)["percent"], 0);
  EXPECT_NE(report.csv.find("0,a.fits,0,0,0,0.0\n"), std::string::npos) << report.csv;
}

}  // namespace
}  // namespace tilecompile
