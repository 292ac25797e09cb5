#include "tilecompile/report/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const char* const kEvilName = "</script><script>alert(1)</script>.fits";

PageValues made_up() {
  PageValues v;
  v.record = json{{"run_id", "r"}, {"warnings", {kEvilName}}}.dump();
  v.grid = R"({"tiles": []})";
  v.frame_table = std::string("frame_index,path,channel,weight\n0,") + kEvilName + ",0,0.123456789\n";
  v.pictures = {{"final", 2, 1, "abc"}, {"plain", 2, 1, "ab"}, {"final_crop", 1, 1, "a"}};
  v.stars = {{1, 2, 3, 2.5}};
  v.missing = {"rejected light"};
  return v;
}

// What the page hands to its script.
json data_of(const std::string& page) {
  const std::string mark = R"(<script type="application/json" id="data">)";
  const std::size_t from = page.find(mark) + mark.size();
  return json::parse(page.substr(from, page.find("</script>", from) - from));
}

PageMap map_of(std::vector<float> samples, bool around_zero) {
  PageMap map{"m", "Map", "px", around_zero, Plane<float>(2, 2)};
  map.values.samples() = std::move(samples);
  return map;
}

TEST(ReportPage, HasEverySection) {
  const std::string page = report_page(made_up());
  for (const char* id : {"picture", "verdict", "sharpness", "night", "tiles", "maps", "rejected", "frames",
                         "costs", "origin", "missing"})
    EXPECT_THAT(page, HasSubstr(std::string("<section id=\"") + id + "\">"));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
}

TEST(ReportPage, TextsOfTheRunNeverBecomeMarkup) {
  const std::string page = report_page(made_up());
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  const json data = data_of(page);
  EXPECT_EQ(data.at("frames").at("path").at(0), kEvilName);
  EXPECT_EQ(data.at("record").at("warnings").at(0), kEvilName);
}

TEST(ReportPage, LoadsNothingFromAnywhere) {
  const std::string page = report_page(made_up());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  const std::string names_only = std::regex_replace(page, std::regex("http://www\\.w3\\.org/2000/svg"), "");
  EXPECT_THAT(names_only, Not(HasSubstr("://")));
}

TEST(ReportPage, HoldsPicturesAsBase64) {
  const json pictures = data_of(report_page(made_up())).at("pictures");
  EXPECT_EQ(pictures.at("final").at("data"), "data:image/png;base64,YWJj");
  EXPECT_EQ(pictures.at("plain").at("data"), "data:image/png;base64,YWI=");
  EXPECT_EQ(pictures.at("final_crop").at("data"), "data:image/png;base64,YQ==");
}

TEST(ReportPage, MapsAreBytesFromTheTopRowDown) {
  PageValues v = made_up();
  v.maps = {map_of({0, 127, 254, std::numeric_limits<float>::quiet_NaN()}, false)};
  const json map = data_of(report_page(v)).at("maps").at(0);
  EXPECT_EQ(map.at("low"), 0);
  EXPECT_EQ(map.at("high"), 254);
  EXPECT_EQ(map.at("codes"), "/v8Afw==");  // 254, 255 (nothing known), 0, 127
}

TEST(ReportPage, ColoursOfADifferenceAreEvenAboutZero) {
  PageValues v = made_up();
  v.maps = {map_of({-1, 0, 4, 0}, true)};
  const json map = data_of(report_page(v)).at("maps").at(0);
  EXPECT_EQ(map.at("low"), -4);
  EXPECT_EQ(map.at("high"), 4);
}

TEST(ReportPage, HistogramsCountWhatLiesBeyondInTheirEnds) {
  const PageHistogram h = histogram_of({-9, 0.1, 1.5, 1.9, 3.9, 77, std::nan("")}, 0, 4, 4);
  EXPECT_THAT(h.counts, ElementsAre(2, 2, 0, 2));
  EXPECT_GT(histogram_of({3}, 3, 3, 2).high, 3);  // all values alike
}

TEST(ReportPage, SharesAreBytesInStepsOfThreePercent) {
  EXPECT_EQ(share_code(-30), 0);
  EXPECT_EQ(share_code(30), 254);
  for (const double share : {0.02, 0.3, 1.0, 2.5, 15.0})
    EXPECT_NEAR(std::exp2(share_code(std::log2(share)) / 25.4 - 6), share, 0.015 * share);
}

TEST(ReportPage, ADamagedRecordIsRefused) {
  PageValues v = made_up();
  v.record = "{\"run_id\": ";
  EXPECT_THROW(report_page(v), InputError);
}

TEST(ReportPage, AnEmptyRunGivesAPage) {
  const json data = data_of(report_page({}));
  EXPECT_TRUE(data.at("record").is_null());
  EXPECT_TRUE(data.at("frames").is_null());
}

}  // namespace
}  // namespace tilecompile
