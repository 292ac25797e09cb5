#include "tilecompile/frame/observing_time.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

FrameFacts frame(const std::string& date, double exposure) {
  FrameFacts f;
  f.date_obs = date;
  f.exposure_s = exposure;
  return f;
}

TEST(FitsDate, KnownInstants) {
  EXPECT_EQ(seconds_of_fits_date("1970-01-01"), 0.0);
  EXPECT_EQ(seconds_of_fits_date("1969-12-31T23:59:59"), -1.0);
  EXPECT_EQ(seconds_of_fits_date("2000-02-29T12:00:00.250"), 951825600.25);
  EXPECT_EQ(seconds_of_fits_date("2016-12-31T23:59:60.5"), seconds_of_fits_date("2017-01-01T00:00:00.5"));
}

TEST(FitsDate, OtherTextsAreNothing) {
  for (const char* text : {"", "yesterday", "26/09/14", "2014-13-01", "2014-02-30", "2014-09-26T",
                           "2014-09-26T24:00:00", "2014-09-26T10:60:00", "2014-09-26T10:00:61",
                           "2014-09-26T10:00", "2014-09-26 10:00:00", "2014-09-26T10:00:nan"})
    EXPECT_FALSE(seconds_of_fits_date(text)) << text;
}

TEST(FitsDate, RoundTrip) {
  for (const char* text : {"1969-07-20T20:17:40.000", "1970-01-01T00:00:00.000", "2024-02-29T23:59:59.999",
                           "2014-09-26T22:01:02.500"})
    EXPECT_EQ(fits_date_of_seconds(*seconds_of_fits_date(text)), text);
  EXPECT_EQ(fits_date_of_seconds(0.9996), "1970-01-01T00:00:01.000");
}

TEST(ObservingTime, OverANightThatCrossesMidnight) {
  const ObservingTime t = observing_time(
      {frame("2014-09-26T23:59:00", 60), frame("2014-09-26T23:58:00", 30), frame("2014-09-27T00:01:00", 60)});
  EXPECT_EQ(t.begin, "2014-09-26T23:58:00.000");
  EXPECT_EQ(t.end, "2014-09-27T00:02:00.000");
  EXPECT_EQ(t.middle, "2014-09-26T23:59:45.000");  // mean of 23:59:30, 23:58:15 and 00:01:30
  EXPECT_EQ(t.exposure_s, 60);
  EXPECT_EQ(t.total_s, 150);
}

TEST(ObservingTime, WhatHeadersDoNotSayStaysEmpty) {
  const ObservingTime nothing = observing_time({frame("", std::nan("")), frame("soon", std::nan(""))});
  EXPECT_EQ(nothing.begin + nothing.end + nothing.middle, "");
  EXPECT_TRUE(std::isnan(nothing.exposure_s));
  EXPECT_TRUE(std::isnan(nothing.total_s));
  const ObservingTime some = observing_time({frame("2014-09-26T10:00:00", std::nan("")), frame("", 20)});
  EXPECT_EQ(some.begin, "2014-09-26T10:00:00.000");
  EXPECT_EQ(some.end, some.begin);
  EXPECT_EQ(some.total_s, 20);
}

}  // namespace
}  // namespace tilecompile
