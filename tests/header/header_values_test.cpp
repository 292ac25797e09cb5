#include "tilecompile/header/header_values.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(HeaderNumber, EverySpellingThatProgramsWrite) {
  for (const char* text : {"60", "60.", "60.0", "+60.0", "'60,0'", "'60.0    '", " 60 ", "6.0D1", "6.0d+01",
                           "6E1", "60,0", "'6,0E1'", "\"60\"", "600D-1"})
    EXPECT_EQ(header_number(text), 60.0) << text;
  EXPECT_EQ(header_number("-0.5"), -0.5);
  EXPECT_EQ(header_number("'-0,5'"), -0.5);
  EXPECT_EQ(header_number(".5"), 0.5);
  EXPECT_EQ(header_number("1.0D2"), 100.0);
}

TEST(HeaderNumber, OtherTextsAreNone) {
  for (const char* text : {"", "''", "T", "auto", "60 s", "1,234.5", "1,2,3", "1E999", "nan", "inf", "0x10",
                           "12abc", "--5", "+-5", "++5", ",5", "'", "D1"})
    EXPECT_FALSE(header_number(text)) << text;
}

TEST(HeaderSeconds, WithAndWithoutUnit) {
  for (const char* text : {"60", "'60 s'", "'60s'", "'60,0 s'", "'60.0 sec'", "60 seconds", "'1 min'", "'1m'",
                           "60000 ms", "'60 [s]'", "'60 Sec.'", "6.0D1"})
    EXPECT_EQ(header_seconds(text), 60.0) << text;
  EXPECT_EQ(header_seconds("'2 h'"), 7200.0);
  EXPECT_FALSE(header_seconds("1E30"));
  EXPECT_EQ(header_seconds("500 us"), 500e-6);
}

TEST(HeaderSeconds, OtherUnitsAndNegativeTimesAreNone) {
  for (const char* text : {"60 parsec", "60 m/s", "-60", "'1/60'", "sixty", "", "60 60"})
    EXPECT_FALSE(header_seconds(text)) << text;
}

}  // namespace
}  // namespace tilecompile
