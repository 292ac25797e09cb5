#include "tilecompile/frame/csv.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(CsvField, PlainTextStaysAndSeparatorsAreQuoted) {
  EXPECT_EQ(csv_field("M 31/l01.fit"), "M 31/l01.fit");
  EXPECT_EQ(csv_field("a,b.fit"), "\"a,b.fit\"");
  EXPECT_EQ(csv_field("a\"b.fit"), "\"a\"\"b.fit\"");
}

TEST(CsvField, ARowStaysOneLineWithoutControlCharacters) {
  EXPECT_EQ(csv_field("a\nb\r\x1b[31m.fit"), "a\\nb\\r\\x1b[31m.fit");
}

}  // namespace
}  // namespace tilecompile
