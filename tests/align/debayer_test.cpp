#include "tilecompile/align/debayer.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// A sensor that sees three planes, each linear in x and y.
double scene(int colour, double x, double y) { return 100 * (colour + 1) + (2 + colour) * x - 3 * y; }

Plane<float> sensor(const CfaPattern& pattern, int width, int height) {
  Plane<float> plane(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) plane.at(x, y) = static_cast<float>(scene(pattern.at(x, y), x, y));
  return plane;
}

Plane<float> interpolated(const CfaPattern& pattern, int colour, const Plane<float>& raw) {
  Plane<float> out(raw.width(), raw.height());
  const Box all{0, 0, raw.width(), raw.height()};
  interpolate_colour(pattern, colour, raw.view(), all, all, out.data());
  return out;
}

TEST(Debayer, KeepsSlopesInEveryPattern) {
  for (const char* letters : {"RGGB", "BGGR", "GRBG", "GBRG"}) {
    const CfaPattern pattern = cfa_pattern(letters);
    const Plane<float> raw = sensor(pattern, 13, 11);
    for (int colour = 0; colour < 3; ++colour) {
      const Plane<float> out = interpolated(pattern, colour, raw);
      for (int y = 1; y < 10; ++y)
        for (int x = 1; x < 12; ++x)
          EXPECT_FLOAT_EQ(out.at(x, y), static_cast<float>(scene(colour, x, y))) << letters;
    }
  }
}

TEST(Debayer, LeavesOutInvalidPixels) {
  const CfaPattern pattern = cfa_pattern("RGGB");
  Plane<float> raw = sensor(pattern, 12, 12);
  raw.at(4, 4) = std::numeric_limits<float>::quiet_NaN();  // red
  const Plane<float> red = interpolated(pattern, 0, raw), green = interpolated(pattern, 1, raw);
  EXPECT_NE(red.at(4, 4), red.at(4, 4));
  EXPECT_EQ(red.at(5, 4), raw.at(6, 4));  // the other neighbour alone
  EXPECT_FLOAT_EQ(green.at(4, 4), static_cast<float>(scene(1, 4, 4)));
}

TEST(Debayer, DoesNotDependOnTheBoxes) {
  const CfaPattern pattern = cfa_pattern("GBRG");
  const Plane<float> raw = sensor(pattern, 17, 13);
  for (int colour = 0; colour < 3; ++colour) {
    const Plane<float> all = interpolated(pattern, colour, raw);
    for (int y0 = 0; y0 < 13; y0 += 3)
      for (int x0 = 0; x0 < 17; x0 += 5) {
        const Box wanted{x0, y0, std::min(5, 17 - x0), std::min(3, 13 - y0)};
        const Box from = with_neighbours(wanted, 17, 13);
        Plane<float> piece(wanted.w, wanted.h);
        interpolate_colour(pattern, colour, raw.view(from), from, wanted, piece.data());
        for (int y = 0; y < wanted.h; ++y)
          for (int x = 0; x < wanted.w; ++x)
            ASSERT_EQ(std::bit_cast<std::uint32_t>(piece.at(x, y)),
                      std::bit_cast<std::uint32_t>(all.at(x0 + x, y0 + y)));
      }
  }
}

TEST(Debayer, RefusesOtherLetters) {
  EXPECT_THROW(cfa_pattern("RGG"), ContractError);
  EXPECT_THROW(cfa_pattern("CMYG"), ContractError);
}

}  // namespace
}  // namespace tilecompile
