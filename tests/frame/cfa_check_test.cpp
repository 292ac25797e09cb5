#include "tilecompile/frame/cfa_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

Plane<float> sky(const std::string& cfa, const std::array<double, 3>& colours, double noise = 20) {
  Plane<float> plane(120, 90);
  const CounterRandom random(5, 1);
  for (int y = 0; y < 90; ++y)
    for (int x = 0; x < 120; ++x)
      plane.at(x, y) = static_cast<float>(colours[static_cast<std::size_t>(cfa_colour(cfa, x, y))] +
                                          noise * random.gaussian(static_cast<std::uint64_t>(120 * y + x)));
  return plane;
}

TEST(CfaCheck, TheRightPatternAndThatWithRedAndBlueSwappedPass) {
  const Plane<float> flat = sky("GRBG", {600, 1000, 700});
  EXPECT_EQ(doubt_of_cfa(flat.view(), "GRBG"), "");
  EXPECT_EQ(doubt_of_cfa(flat.view(), "GBRG"), "");
}

TEST(CfaCheck, APatternWithGreenElsewhereIsNamed) {
  const Plane<float> flat = sky("GRBG", {600, 1000, 700});
  EXPECT_THAT(doubt_of_cfa(flat.view(), "RGGB"), HasSubstr("the pattern is GRBG or GBRG"));
  const Plane<float> other = sky("BGGR", {600, 1000, 700});
  EXPECT_THAT(doubt_of_cfa(other.view(), "GBRG"), HasSubstr("the pattern is RGGB or BGGR"));
}

TEST(CfaCheck, AGreySkyTellsNothing) {
  EXPECT_EQ(doubt_of_cfa(sky("GRBG", {900, 900, 900}).view(), "RGGB"), "");
  EXPECT_EQ(doubt_of_cfa(sky("GRBG", {900, 900.5, 901}).view(), "RGGB"), "");
  EXPECT_EQ(doubt_of_cfa(sky("GRBG", {600, 1000, 700}).view(), ""), "");
}

TEST(CfaCheck, GreensThatDifferALittlePass) {
  Plane<float> flat = sky("GRBG", {600, 1000, 700}, 3);
  for (int y = 1; y < 90; y += 2)
    for (int x = 1; x < 120; x += 2) flat.at(x, y) *= 1.004F;
  EXPECT_EQ(doubt_of_cfa(flat.view(), "GRBG"), "");
}

}  // namespace
}  // namespace tilecompile
