#include "report/page_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tilecompile {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::SizeIs;

TEST(PageTable, QuotedFieldsHoldCommasQuotesAndLineEnds) {
  const auto rows = csv_rows("a,b\n\"x,1\",\"say \"\"y\"\"\n\"\n,last");
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_THAT(rows[1], ElementsAre("x,1", "say \"y\"\n"));
  EXPECT_THAT(rows[2], ElementsAre("", "last"));
}

TEST(PageTable, ColumnsOfNumbersAreNumbersAndGapsAreNull) {
  const json table = page_table("path,v,w\n1,0.1234567,x\n2,,3\n");
  EXPECT_EQ(table.at("path"), json({"1", "2"}));  // file names, even where they look like numbers
  EXPECT_EQ(table.at("v"), json({0.12346, nullptr}));
  EXPECT_EQ(table.at("w"), json({"x", "3"}));
}

TEST(PageTable, LinesThatWereCutOffAreLeftOut) {
  EXPECT_EQ(page_table("a,b\n1,2\n3").at("a"), json({1.0}));
  EXPECT_TRUE(page_table("").is_null());
}

TEST(PageTable, NumbersThatAreNotFiniteAreNull) {
  EXPECT_TRUE(page_number(1 / 0.0).is_null());
  EXPECT_EQ(page_number(1234567), 1234600);
}

}  // namespace
}  // namespace tilecompile
