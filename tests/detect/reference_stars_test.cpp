#include "tilecompile/detect/reference_stars.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace tilecompile {
namespace {

struct Planted {
  double x, y, peak, fwhm;
};

Plane<float> field(int width, int height, const std::vector<Planted>& stars, double noise = 0.5) {
  std::mt19937 rng(9);
  std::normal_distribution<float> normal(100, static_cast<float>(noise));
  Plane<float> p(width, height);
  for (float& v : p.samples()) v = normal(rng);
  for (const auto& star : stars) {
    const double s = star.fwhm / 2.3548;
    for (int y = 0; y < height; ++y)
      for (int x = 0; x < width; ++x)
        p.at(x, y) += static_cast<float>(
            star.peak * std::exp(-((x - star.x) * (x - star.x) + (y - star.y) * (y - star.y)) / (2 * s * s)));
  }
  return p;
}

// Stars on a loose lattice at sub-pixel phases, each fainter than the one before.
std::vector<Planted> lattice() {
  std::vector<Planted> stars;
  for (int j = 0; j < 4; ++j)
    for (int i = 0; i < 6; ++i)
      stars.push_back({30 + 40 * i + 0.07 * j, 28 + 36 * j + 0.11 * i, 500.0 - 15 * (6 * j + i), 3});
  return stars;
}

bool has(const StarCatalogue& catalogue, const Planted& star) {
  return std::any_of(catalogue.stars.begin(), catalogue.stars.end(),
                     [&](const ReferenceStar& s) { return std::hypot(s.x - star.x, s.y - star.y) < 1; });
}

TEST(ReferenceStars, PlantedStarsAreFoundBrightestFirstOnThePositionGrid) {
  const auto planted = lattice();
  const StarCatalogue catalogue = detect_reference_stars(field(270, 170, planted));
  ASSERT_EQ(catalogue.stars.size(), planted.size());
  EXPECT_NEAR(catalogue.fwhm_px, 3, 0.05);
  EXPECT_GE(catalogue.star_radius_px, 7);
  for (std::size_t i = 0; i < planted.size(); ++i) {
    EXPECT_NEAR(catalogue.stars[i].x, planted[i].x, 0.03) << i;
    EXPECT_NEAR(catalogue.stars[i].y, planted[i].y, 0.03) << i;
    EXPECT_EQ(catalogue.stars[i].x * 1024, std::floor(catalogue.stars[i].x * 1024));
    EXPECT_EQ(catalogue.stars[i].y * 1024, std::floor(catalogue.stars[i].y * 1024));
  }
}

TEST(ReferenceStars, SaturatedOnesAreDropped) {
  const auto planted = lattice();
  const StarCatalogue catalogue = detect_reference_stars(field(270, 170, planted), 100 + 460);
  for (const auto& star : planted) {
    if (star.peak > 470) {
      EXPECT_FALSE(has(catalogue, star)) << star.peak;
    }
    if (star.peak < 450) {
      EXPECT_TRUE(has(catalogue, star)) << star.peak;
    }
  }
}

TEST(ReferenceStars, CrowdedTrailedAndBroadOnesAreDropped) {
  auto planted = lattice();
  const Planted crowded = planted[8], broad = planted[9], trailed = planted[14];
  planted.push_back({crowded.x + 6, crowded.y, crowded.peak, 3});
  planted[9].fwhm = 9;
  for (int i = 1; i <= 6; ++i) planted.push_back({trailed.x + i, trailed.y, trailed.peak, 3});
  const StarCatalogue catalogue = detect_reference_stars(field(270, 170, planted));
  EXPECT_FALSE(has(catalogue, crowded));
  EXPECT_FALSE(has(catalogue, broad));
  EXPECT_FALSE(has(catalogue, {trailed.x + 3, trailed.y, 0, 3}));
  EXPECT_TRUE(has(catalogue, planted[0]));
  EXPECT_NEAR(static_cast<double>(catalogue.stars.size()), 21, 1);
}

TEST(ReferenceStars, StarsBesideMissingPixelsAreDroppedAndTheRestIsFound) {
  const auto planted = lattice();
  Plane<float> p = field(270, 170, planted);
  for (int y = 0; y < 170; ++y)
    for (int x = 0; x < 33; ++x) p.at(x, y) = std::nanf("");
  const StarCatalogue catalogue = detect_reference_stars(p);
  EXPECT_EQ(catalogue.stars.size(), 20u);
  for (const auto& s : catalogue.stars) EXPECT_GT(s.x, 60);
}

TEST(ReferenceStars, ImagesWithoutStarsGiveNone) {
  for (const auto& [w, h] : {std::pair{1, 1}, {3, 200}, {64, 64}, {270, 170}}) {
    EXPECT_TRUE(detect_reference_stars(Plane<float>(w, h, 100.0f)).stars.empty());
    EXPECT_TRUE(detect_reference_stars(Plane<float>(w, h, 0.0f)).stars.empty());
    EXPECT_TRUE(detect_reference_stars(Plane<float>(w, h, std::nanf(""))).stars.empty());
    EXPECT_TRUE(detect_reference_stars(field(w, h, {})).stars.empty()) << w << " " << h;
  }
}

TEST(ReferenceStars, TheSameImageGivesTheSameList) {
  const Plane<float> p = field(270, 170, lattice(), 3);
  const StarCatalogue a = detect_reference_stars(p), b = detect_reference_stars(p);
  ASSERT_EQ(a.stars.size(), b.stars.size());
  for (std::size_t i = 0; i < a.stars.size(); ++i) {
    EXPECT_EQ(a.stars[i].x, b.stars[i].x);
    EXPECT_EQ(a.stars[i].y, b.stars[i].y);
  }
}

}  // namespace
}  // namespace tilecompile
