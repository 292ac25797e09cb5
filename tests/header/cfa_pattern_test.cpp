#include "tilecompile/header/cfa_pattern.hpp"

#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

FrameFacts cfa_frame(const std::string& pattern, int height = 100) {
  FrameFacts facts;
  facts.width = 120;
  facts.height = height;
  facts.channels = 1;
  facts.bayer_pattern = pattern;
  return facts;
}

FrameFacts with(FrameFacts facts, const std::string& key, const std::string& value) {
  facts.settings.emplace_back(key, value);
  return facts;
}

TEST(CfaPattern, IsThatOfTheHeaderOrOfTheConfiguration) {
  EXPECT_EQ(stored_cfa(cfa_frame("GRBG"), "auto"), "GRBG");
  EXPECT_EQ(stored_cfa(cfa_frame(""), "auto"), "");
  EXPECT_EQ(stored_cfa(cfa_frame("GRBG"), "none"), "");
  EXPECT_EQ(stored_cfa(cfa_frame("GRBG"), "RGGB"), "RGGB");
  EXPECT_EQ(stored_cfa(cfa_frame(""), "BGGR"), "BGGR");
}

TEST(CfaPattern, OffsetsShiftIt) {
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB"), "XBAYROFF", "1"), "auto"), "GRBG");
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB"), "YBAYROFF", "1"), "auto"), "GBRG");
  EXPECT_EQ(stored_cfa(with(with(cfa_frame("RGGB"), "YBAYROFF", "-1"), "XBAYROFF", "3"), "auto"), "BGGR");
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB"), "YBAYROFF", "2"), "auto"), "RGGB");
}

TEST(CfaPattern, RowsThatAreStoredFromBelowBeginAtTheOtherEnd) {
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB"), "ROWORDER", "TOP-DOWN"), "auto"), "RGGB");
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB"), "ROWORDER", "BOTTOM-UP"), "auto"), "GBRG");
  EXPECT_EQ(stored_cfa(with(cfa_frame("RGGB", 101), "ROWORDER", "BOTTOM-UP"), "auto"), "RGGB");
}

TEST(CfaPattern, ColourFramesHaveNoneAndOthersAreRefused) {
  FrameFacts colour = cfa_frame("RGGB");
  colour.channels = 3;
  EXPECT_EQ(stored_cfa(colour, "auto"), "");
  EXPECT_THROW(stored_cfa(cfa_frame("CMYG"), "auto"), InputError);
  EXPECT_THROW(stored_cfa(cfa_frame("GGRGGBGGBGGRBRGRBGGGBGGRGGRGGBRBGBRG"), "auto"), InputError);
}

TEST(CfaPattern, EachPixelHasItsColour) {
  EXPECT_EQ(cfa_colour("GRBG", 0, 0), 1);
  EXPECT_EQ(cfa_colour("GRBG", 3, 4), 0);
  EXPECT_EQ(cfa_colour("GRBG", 2, 1), 2);
  EXPECT_EQ(cfa_place("GRBG", 3, 5), 3);
  EXPECT_EQ(cfa_colour("", 3, 5), 0);
}

}  // namespace
}  // namespace tilecompile
