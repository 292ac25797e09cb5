#include "tilecompile/image/zero_borders.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tilecompile/image/packed_samples.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {
namespace {

constexpr int kN = kZeroWindowPx;

// Every window of the definition in turn, with obvious loops.
Plane<float> oracle(const Plane<float>& plane) {
  const auto filled = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= plane.width() || y >= plane.height()) return false;
    return plane.at(x, y) == plane.at(x, y) && plane.at(x, y) != 0;
  };
  Plane<float> result = plane;
  for (int y0 = 1 - kN; y0 < plane.height(); ++y0)
    for (int x0 = 1 - kN; x0 < plane.width(); ++x0) {
      bool empty = true;
      for (int y = y0; y < y0 + kN && empty; ++y)
        for (int x = x0; x < x0 + kN && empty; ++x) empty = !filled(x, y);
      if (!empty) continue;
      for (int y = std::max(0, y0); y < std::min(plane.height(), y0 + kN); ++y)
        for (int x = std::max(0, x0); x < std::min(plane.width(), x0 + kN); ++x)
          if (plane.at(x, y) == 0) result.at(x, y) = std::nanf("");
    }
  return result;
}

Plane<float> dropped(Plane<float> plane) {
  drop_zero_borders(PlaneRows{plane.data(), plane.width(), plane.height(), true, true});
  return plane;
}

int count_missing(const Plane<float>& plane) {
  int n = 0;
  for (const float v : plane.samples()) n += v != v;
  return n;
}

void expect_same(const Plane<float>& found, const Plane<float>& expected, const std::string& what) {
  for (int y = 0; y < found.height(); ++y)
    for (int x = 0; x < found.width(); ++x) {
      const float a = found.at(x, y), b = expected.at(x, y);
      ASSERT_TRUE(a == b || (a != a && b != b)) << what << ": " << x << ", " << y << ": " << a << ", " << b;
    }
}

// Ones, zeros beyond two slanted borders, in blocks of random size and one by one.
Plane<float> random_plane(int width, int height, std::mt19937& random) {
  Plane<float> plane(width, height);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const int a = below(9) - 4, b = below(width), c = below(9) - 4, d = below(height);
  const int lone = below(3) == 0 ? 2 : 40;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const bool border = 4 * x + a * y < b - width / 2 || 4 * y + c * x < d - height / 2;
      plane.at(x, y) = border || below(lone) == 0 ? 0.0F : 1.0F;
      if (below(200) == 0) plane.at(x, y) = std::nanf("");
    }
  const int x0 = below(width), y0 = below(height), w = 10 + below(12), h = 10 + below(12);
  for (int y = y0; y < std::min(height, y0 + h); ++y)
    for (int x = x0; x < std::min(width, x0 + w); ++x) plane.at(x, y) = 0;
  return plane;
}

Plane<float> ones(int width, int height) {
  Plane<float> plane(width, height);
  for (float& v : plane.samples()) v = 1;
  return plane;
}

TEST(ZeroBorders, SameAsTheDefinitionOnRandomPlanes) {
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) {
    const Plane<float> plane =
        random_plane(3 + static_cast<int>(random() % 60), 2 + static_cast<int>(random() % 70), random);
    expect_same(dropped(plane), oracle(plane), "plane " + std::to_string(i));
  }
}

TEST(ZeroBorders, LongPlanesAreTakenInBlocks) {
  std::mt19937 random(8);
  Plane<float> plane = ones(23, 700);
  for (int y = 240; y < 290; ++y)
    for (int x = 2; x < 20; ++x) plane.at(x, y) = 0;  // across the first block's end
  for (int y = 0; y < 700; ++y)
    for (int x = 0; x < y / 60; ++x) plane.at(x, y) = 0;
  expect_same(dropped(plane), oracle(plane), "long");
}

TEST(ZeroBorders, RunsOfColumnsAreSearchedByThemselves) {
  std::mt19937 random(10);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int i = 0; i < 40; ++i) {
    Plane<float> plane = ones(200, 150);
    for (int run = 0; run < 8; ++run) {
      const int x0 = below(200), y0 = below(150), w = 13 + below(7), h = 13 + below(60);
      for (int y = y0; y < std::min(150, y0 + h); ++y)
        for (int x = x0; x < std::min(200, x0 + w); ++x) plane.at(x, y) = 0;
    }
    plane.at(below(200), below(150)) = std::nanf("");
    expect_same(dropped(plane), oracle(plane), "plane " + std::to_string(i));
  }
}

TEST(ZeroBorders, LoneZerosAndStarsClippedToZeroAreSamples) {
  Plane<float> plane = ones(50, 40);
  plane.at(20, 20) = 0;
  plane.at(0, 10) = 0;  // on the edge
  for (int y = 5; y < 20; ++y)
    for (int x = 30; x < 45; ++x) plane.at(x, y) = 0;  // 15 x 15
  EXPECT_EQ(count_missing(dropped(plane)), 0);
}

TEST(ZeroBorders, HalfOfAllPixelsClippedToZeroAreSamples) {
  std::mt19937 random(9);
  Plane<float> plane = ones(400, 300);
  for (float& v : plane.samples())
    if (random() % 2 == 0) v = 0;
  EXPECT_LT(count_missing(dropped(plane)), 40);  // corners, and at most a run of 16 along an edge
}

TEST(ZeroBorders, StripsOfOnePixelAndSlantedBordersAreNoData) {
  Plane<float> plane = ones(90, 70);
  int zeros = 0;
  for (int y = 0; y < 70; ++y)
    for (int x = 0; x < 90; ++x)
      if (y == 0 || x == 89 || 5 * x + 90 * y > 90 * 69 || 9 * x + y < 40) {
        plane.at(x, y) = 0;
        ++zeros;
      }
  EXPECT_EQ(count_missing(dropped(plane)), zeros);
}

TEST(ZeroBorders, AHoleOfSixteenPixelsIsNoData) {
  Plane<float> plane = ones(50, 40);
  for (int y = 5; y < 5 + kN; ++y)
    for (int x = 30; x < 30 + kN; ++x) plane.at(x, y) = 0;
  EXPECT_EQ(count_missing(dropped(plane)), kN * kN);
}

TEST(ZeroBorders, RowsOfTheMiddleSayWhenTheyNeedTheirNeighbours) {
  Plane<float> plane = ones(60, 20);
  const PlaneRows middle{plane.data(), 60, 20, false, false};
  EXPECT_FALSE(doubtful_zeros(middle).above);
  plane.at(30, 3) = 0;  // alone: no row above can make it part of a window
  EXPECT_FALSE(doubtful_zeros(middle).above);
  for (int x = 20; x < 40; ++x) plane.at(x, 0) = 0;
  EXPECT_TRUE(doubtful_zeros(middle).above);
  EXPECT_FALSE(doubtful_zeros(middle).below);
  EXPECT_FALSE(doubtful_zeros(PlaneRows{plane.data(), 60, 20, true, true}).above);
}

TEST(ZeroBorders, CodesLoseTheSameZerosAsFloats) {
  std::mt19937 random(11);
  for (int turn = 0; turn < 60; ++turn) {
    const Plane<float> plane = random_plane(20 + turn, 70 - turn / 2, random);
    std::vector<std::uint16_t> codes;
    for (const float v : plane.samples()) codes.push_back(v == v ? static_cast<std::uint16_t>(v) : kNoSample);
    const bool top = turn % 3 != 0, bottom = turn % 4 != 0;
    Plane<float> expected = plane;
    const PlaneRows rows{expected.data(), plane.width(), plane.height(), top, bottom};
    const CodeRows of_codes{codes.data(), plane.width(), plane.height(), top, bottom};
    drop_zero_borders(rows);
    drop_zero_borders(of_codes);
    EXPECT_EQ(doubtful_zeros(of_codes).above, doubtful_zeros(rows).above);
    EXPECT_EQ(doubtful_zeros(of_codes).below, doubtful_zeros(rows).below);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const float v = expected.samples()[i];
      ASSERT_EQ(codes[i], v == v ? static_cast<std::uint16_t>(v) : kNoSample) << turn << ": " << i;
    }
  }
}

TEST(ZeroBorders, FindsALoneZeroAnywhereAndNothingElse) {
  std::vector<float> samples(77, 3.F);
  samples[3] = std::nanf("");
  samples[9] = 1e-40F;
  EXPECT_FALSE(has_zero(samples.data(), samples.size()));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::vector<float> one = samples;
    one[i] = i % 2 == 0 ? 0.F : -0.F;
    EXPECT_TRUE(has_zero(one.data(), one.size())) << i;
  }
}

}  // namespace
}  // namespace tilecompile
