#include "tilecompile/header/same_exposure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace tilecompile {
namespace {

constexpr int kWidth = 50;

std::vector<float> noise(unsigned seed, float sky = 500) {
  std::mt19937 rng(seed);
  std::vector<float> rows(kWidth * 30);
  for (float& v : rows) v = sky + static_cast<float>(rng() % 41);
  return rows;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return same_noise(noise_signs(a, kWidth), noise_signs(b, kWidth));
}

TEST(SameNoise, WhateverTheScaleAndTheOffset) {
  const auto a = noise(1);
  auto scaled = a;
  for (float& v : scaled) v = (v + 30) / 65535;
  EXPECT_TRUE(same(a, a));
  EXPECT_TRUE(same(a, scaled));
  auto rounded = a;
  for (float& v : rounded) v = std::round(v / 8);
  EXPECT_TRUE(same(a, rounded));
  auto borders = a;
  for (std::size_t i = 0; i < 300; ++i) borders[i] = std::nanf("");
  EXPECT_TRUE(same(a, borders));
}

TEST(SameNoise, NotOfTwoExposuresOrOfNothing) {
  EXPECT_FALSE(same(noise(1), noise(2)));
  auto a = noise(1), b = noise(2);  // the same bright nebula in both
  for (std::size_t i = 0; i < a.size() / 2; ++i) {
    a[i] += static_cast<float>(i % kWidth) * 60;
    b[i] += static_cast<float>(i % kWidth) * 60;
  }
  EXPECT_FALSE(same(a, b));
  const std::vector<float> flat(kWidth * 30, 7);
  EXPECT_FALSE(same(flat, flat));
  EXPECT_FALSE(same_noise({}, {}));
}

/// An exposure of noise 40 on a sensor of colours, each column with an offset of its own, each pixel with one
/// as large as the noise.
std::vector<float> mosaic(unsigned seed, float of_columns, float of_pixels) {
  std::mt19937 rng(seed), sensor(9);
  std::normal_distribution<float> noise(0, 40), fixed(0, 1);
  std::vector<float> columns(kWidth), rows(kWidth * 30);
  for (float& v : columns) v = of_columns * fixed(sensor);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t x = i % kWidth;
    const float sky = x % 2 == 0 ? 700 : 1000;  // the rows of a pair lie an even number apart: R G or G B
    rows[i] = sky + columns[x] + of_pixels * fixed(sensor) + noise(rng);
  }
  return rows;
}

TEST(SameNoise, NotOfTwoExposuresOfOneSensor) {
  for (const auto& [columns, pixels] :
       {std::pair{0.0F, 0.0F}, {400.0F, 0.0F}, {0.0F, 40.0F}, {400.0F, 40.0F}}) {
    EXPECT_FALSE(same(mosaic(1, columns, pixels), mosaic(2, columns, pixels))) << columns << " " << pixels;
    EXPECT_TRUE(same(mosaic(1, columns, pixels), mosaic(1, columns, pixels))) << columns << " " << pixels;
  }
}

TEST(NoiseSigns, AreThoseOfSecondDifferences) {
  // columns 6 and 7 against 0 and 1, in two rows; a third row has no partner
  std::vector<float> rows(5 * 8, 0);
  rows[6] = 1;
  rows[8 + 7] = 1;
  rows[2 * 8 + 6] = rows[3 * 8 + 6] = 5;
  rows[4 * 8 + 7] = 9;
  const NoiseSigns signs = noise_signs(rows, 8);
  EXPECT_EQ(signs.rises, std::vector<std::uint64_t>{std::uint64_t{1} << 6});
  EXPECT_EQ(signs.falls, std::vector<std::uint64_t>{std::uint64_t{1} << 7});
  EXPECT_EQ(noise_signs({1, 2, 3, 4}, 2).rises, std::vector<std::uint64_t>{0});
}

ManifestEntry entry(const std::string& path, const std::string& date, double exposure) {
  ManifestEntry e;
  e.path = path;
  e.facts.width = 90;
  e.facts.height = 70;
  e.facts.channels = 1;
  e.facts.exposure_s = exposure;
  e.facts.time.date_obs = date;
  return e;
}

TEST(TwinCandidates, ByTimeAndByName) {
  Manifest m;
  m.frames = {entry("a.fit", "2024-03-01T20:00:00", 60),  entry("a.fit.gz", "", 60),
              entry("b.FITS", "2024-03-01T20:01:00", 60), entry("c.fit", "2024-03-01 20:01:00.0", 60),
              entry("d.fit", "2024-03-01T20:01:00", 30),  entry("night/a.fits", "", 60),
              entry("e.fit", "2024-03-01", 60),           entry("f.fit", "2024-03-01", 60),
              entry("g.fit", "2024-03-01T20:09:00", 0.5), entry("h.fit", "2024-03-01T20:09:00", 0.5)};
  m.frames.push_back(entry("i.fit", "2024-03-01T20:00:00", 60));
  m.frames.back().facts.width = 91;
  const auto groups = twin_candidates(m);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_THAT(groups[0].frames, testing::ElementsAre(0, 1));  // by name
  EXPECT_FALSE(groups[0].same_time);
  EXPECT_THAT(groups[1].frames, testing::ElementsAre(2, 3));
  EXPECT_THAT(groups[2].frames, testing::ElementsAre(8, 9));  // whole seconds say nothing of half a second
  EXPECT_FALSE(groups[2].same_time);
}

}  // namespace
}  // namespace tilecompile
