#include "tilecompile/header/observing_time.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

FrameFacts frame(const std::string& date, double exposure) {
  FrameFacts f;
  f.time.date_obs = date;
  f.exposure_s = exposure;
  return f;
}

double seconds_of(const std::string& text) {
  const auto moment = read_header_date(text);
  return moment ? moment->seconds : std::nan("");
}

TEST(FitsDate, KnownInstants) {
  EXPECT_EQ(seconds_of("1970-01-01"), 0.0);
  EXPECT_EQ(seconds_of("1969-12-31T23:59:59"), -1.0);
  EXPECT_EQ(seconds_of("2000-02-29T12:00:00.250"), 951825600.25);
  EXPECT_EQ(seconds_of("2016-12-31T23:59:60.5"), seconds_of("2017-01-01T00:00:00.5"));
}

TEST(FitsDate, EverySpellingOfOneMoment) {
  for (const char* text : {"2024-03-13T20:15:30",      "2024-03-13 20:15:30",     "2024-03-13  20:15:30",
                           "2024/03/13T20:15:30",      "2024/3/13 20:15:30",      "13/03/2024 20:15:30",
                           "13/3/2024T20:15:30",       "13.03.2024 20:15:30",     "13/03/24 20:15:30",
                           "13/03/24T20:15:30",        "03/13/2024 20:15:30",     "2024-03-13T20:15:30Z",
                           "2024-03-13T20:15:30.000",  "2024-03-13T20:15:30,0",   "2024-03-13T21:15:30+01:00",
                           "2024-03-13T15:15:30-0500", "2024-03-13T22:15:30 +02", "2024-03-13T20:15:30 UTC",
                           "'2024-03-13T20:15:30'",    "2024-03-13t20:15:30",     "2024-03-14T01:45:30+05:30",
                           "2024-03-13, 20:15:30"})
    EXPECT_EQ(seconds_of(text), 1710360930.0) << text;
  EXPECT_EQ(seconds_of("13/03/98"), seconds_of("1998-03-13"));
  EXPECT_EQ(seconds_of("2024-03-13T20:15"), 1710360900.0);
}

TEST(FitsDate, HowExactTheTextIs) {
  EXPECT_EQ(read_header_date("2024-03-13")->resolution_s, 86400);
  EXPECT_EQ(read_header_date("2024-03-13T20:15")->resolution_s, 60);
  EXPECT_EQ(read_header_date("2024-03-13T20:15:30")->resolution_s, 1);
  EXPECT_DOUBLE_EQ(read_header_date("2024-03-13T20:15:30.125")->resolution_s, 0.001);
}

TEST(FitsDate, DayAndMonthThatMayChangePlacesAreSaid) {
  const auto both = read_header_date("03/04/2024 10:00:00");
  ASSERT_TRUE(both && both->other_seconds);
  EXPECT_EQ(both->seconds, seconds_of("2024-04-03T10:00:00"));
  EXPECT_EQ(*both->other_seconds, seconds_of("2024-03-04T10:00:00"));
  for (const char* text : {"2024/03/04", "04/04/2024", "03/04/24", "03.04.2024", "13/04/2024", "04/13/2024"})
    EXPECT_FALSE(read_header_date(text)->other_seconds) << text;
}

TEST(FitsDate, OtherTextsAreNothing) {
  for (const char* text :
       {"", "yesterday", "2014-13-01", "2014-02-30", "2014-09-26T", "2014-09-26T24:00:00", "31/02/2024",
        "2014-09-26T10:60:00", "2014-09-26T10:00:61", "2014-09-26T10:00:nan", "2014-09/26", "26/09",
        "20140926", "2014-09-26T10:00:00 PM", "2014-09-26T10:00:00+30:00", "0000-00-00T00:00:00", "10:00:00"})
    EXPECT_FALSE(read_header_date(text)) << text;
}

TEST(ExposureStart, ADateAloneWithATimeBesideIt) {
  for (const char* time :
       {"20:15:30", "20:15:30.0", "20h15m30s", "2024-03-13T20:15:30", "20:15:30Z", "21:15:30+01:00"}) {
    FrameFacts f = frame("2024-03-13", 60);
    f.time.time_obs = time;
    const ExposureStart start = exposure_start(f);
    ASSERT_TRUE(start.moment) << time;
    EXPECT_EQ(start.moment->seconds, 1710360930.0) << time;
    EXPECT_EQ(start.problem, "") << time;
  }
  FrameFacts whole = frame("2024-03-13T20:15:30", 60);
  whole.time.time_obs = "04:00:00";  // local time, maybe
  EXPECT_EQ(exposure_start(whole).moment->seconds, 1710360930.0);
}

TEST(ExposureStart, JulianDatesAreTheSecondSource) {
  FrameFacts f = frame("", 60);
  f.time.start_mjd = 60382.84409722222;
  EXPECT_NEAR(exposure_start(f).moment->seconds, 1710360930.0, 0.002);
  f.time.date_obs = "soon";
  EXPECT_NEAR(exposure_start(f).moment->seconds, 1710360930.0, 0.002);
  EXPECT_EQ(exposure_start(f).problem, "");
  f.time.date_obs = "2024-03-13";
  EXPECT_NEAR(exposure_start(f).moment->seconds, 1710360930.0, 0.002);
  FrameFacts middle = frame("", 60);
  middle.time.middle_mjd = 60382.84409722222;
  EXPECT_NEAR(exposure_start(middle).moment->seconds, 1710360900.0, 0.002);
  FrameFacts american = frame("03/04/2024 10:00:00", 60);
  american.time.start_mjd = 60373.4166666;  // the 4th of March
  EXPECT_EQ(exposure_start(american).moment->seconds, seconds_of("2024-03-04T10:00:00"));
  EXPECT_EQ(exposure_start(american).problem, "");
}

TEST(ExposureStart, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(exposure_start(frame("soon", 60)).problem, "DATE-OBS 'soon' cannot be read");
  EXPECT_FALSE(exposure_start(frame("soon", 60)).moment);
  EXPECT_NE(exposure_start(frame("2024-03-13", 60)).problem.find("without a time of day"), std::string::npos);
  FrameFacts odd = frame("2024-03-13", 60);
  odd.time.time_obs = "evening";
  EXPECT_EQ(exposure_start(odd).problem, "TIME-OBS 'evening' is no time of day");
  EXPECT_NE(
      exposure_start(frame("03/04/2024", 60)).problem + exposure_start(frame("03/04/2024 1:00", 60)).problem,
      "");
  EXPECT_NE(exposure_start(frame("03/04/2024 10:00:00", 60)).problem.find("day/month"), std::string::npos);
  EXPECT_EQ(exposure_start(frame("", 60)).problem, "");
}

TEST(FitsDate, RoundTrip) {
  for (const char* text : {"1969-07-20T20:17:40.000", "1970-01-01T00:00:00.000", "2024-02-29T23:59:59.999",
                           "2014-09-26T22:01:02.500"})
    EXPECT_EQ(fits_date_of_seconds(seconds_of(text)), text);
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
  EXPECT_EQ(some.dated, 1u);
  EXPECT_TRUE(std::isnan(some.total_s));  // 20 s would be half of it
  EXPECT_TRUE(std::isnan(some.exposure_s));
}

TEST(ObservingTime, ADateAloneStaysOne) {
  const ObservingTime t = observing_time({frame("2014-09-27T10:00:00", 60), frame("2014-09-26", 60)});
  EXPECT_EQ(t.begin, "2014-09-26");
  EXPECT_EQ(t.end + t.middle, "");
  EXPECT_TRUE(std::isnan(t.begin_mjd));
}

FrameFacts stack(double count, double live, double exposure) {
  FrameFacts f = frame("2014-09-26T10:00:00", exposure);
  f.stacked_frames = count;
  f.live_time_s = live;
  return f;
}

TEST(ObservingTime, StacksCountWithWhatIsInThem) {
  const std::vector<FrameFacts> stacks(30, stack(10, 600, 60));
  const ObservingTime t = observing_time(stacks);
  EXPECT_EQ(t.stacked_frames, 300);
  EXPECT_EQ(t.total_s, 18000);
  EXPECT_EQ(t.exposure_s, 60);
  EXPECT_EQ(t.end, "2014-09-26T10:10:00.000");
  const ObservingTime singles = observing_time({frame("", 60), frame("", 60)});
  EXPECT_EQ(singles.stacked_frames, 2);
  EXPECT_EQ(singles.total_s, 120);
}

TEST(ObservingTime, WhatOneStackDoesNotSayIsUnknownOfAll) {
  const double unsaid = std::nan("");
  const ObservingTime time = observing_time({stack(10, unsaid, 60), stack(10, 600, 60)});
  EXPECT_EQ(time.stacked_frames, 20);
  EXPECT_TRUE(std::isnan(time.total_s));  // EXPTIME of a stack may be that of one frame or of all
  const ObservingTime count = observing_time({stack(unsaid, 600, 60), stack(10, 600, 60)});
  EXPECT_EQ(count.stacked_frames, 0);
  EXPECT_EQ(count.total_s, 1200);
  EXPECT_EQ(observing_time({stack(unsaid, 59.9, 60)}).stacked_frames, 1);  // a camera's live time
}

}  // namespace
}  // namespace tilecompile
