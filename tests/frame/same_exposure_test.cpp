#include "tilecompile/frame/same_exposure.hpp"

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

TEST(NoiseSigns, OneRowKnowsNothingOfTheNext) {
  EXPECT_EQ(noise_signs({1, 2, 9, 8}, 2).rises, std::vector<std::uint64_t>{0b0010});
  EXPECT_EQ(noise_signs({1, 2, 9, 8}, 2).falls, std::vector<std::uint64_t>{0b1000});
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
