#include "tilecompile/report/run_record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace tilecompile {
namespace {

using nlohmann::json;

TEST(RunRecord, HoldsWhatAReaderLooksFor) {
  RunRecord r;
  r.status = "done";
  r.run_id = "id";
  r.frames = 6;
  r.width = 90;
  r.height = 70;
  r.channels = 1;
  r.phases = {{"scan", 0.5, 0.25}, {"analyse frames", 1, 2}};
  r.tiles = 12;
  r.star_tiles = 3;
  ProductQuality q;
  q.fwhm_px = 2.5;
  r.products = {{"classical", "classical.fits", "abc", {}, {q, q}}};
  r.warnings = {"a warning"};
  const json j = json::parse(encode_run_record(r));
  EXPECT_EQ(j.at("status"), "done");
  EXPECT_EQ(j.at("frames").at("count"), 6);
  EXPECT_EQ(j.at("frames").at("width"), 90);
  EXPECT_EQ(j.at("tiles").at("star"), 3);
  EXPECT_EQ(j.at("phases").size(), 2u);
  EXPECT_EQ(j.at("phases").at(1).at("cpu_seconds"), 2);
  EXPECT_EQ(j.at("products").at("classical").at("digest"), "abc");
  EXPECT_EQ(j.at("products").at("classical").at("quality_covered_area").at(1).at("fwhm_px"), 2.5);
  EXPECT_FALSE(j.at("products").at("classical").contains("quality_common_area"));
  EXPECT_EQ(j.at("warnings"), json::array({"a warning"}));
  EXPECT_FALSE(j.contains("error"));
}

TEST(RunRecord, ErrorsAndTextsThatAreNotUtf8StayReadable) {
  RunRecord r;
  r.status = "failed";
  r.error_kind = "input";
  r.error_text = "frame \xff\xfe.fits \"broken\"";
  ProductQuality q;
  q.fwhm_px = std::nan("");
  r.products = {{"p", "p.fits", "d", {q}, {}}};
  const json j = json::parse(encode_run_record(r));
  EXPECT_EQ(j.at("error").at("kind"), "input");
  EXPECT_NE(j.at("error").at("text").get<std::string>().find("\"broken\""), std::string::npos);
  EXPECT_TRUE(j.at("products").at("p").at("quality_common_area").at(0).at("fwhm_px").is_null());
}

}  // namespace
}  // namespace tilecompile
