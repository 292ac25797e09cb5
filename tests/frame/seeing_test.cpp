#include "tilecompile/frame/seeing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace tilecompile {
namespace {

constexpr double kFwhmPerSigma = 2.3548200450309493;

void add_star(Plane<float>& p, double x, double y, double peak, double sigma_x, double sigma_y) {
  for (int j = 0; j < p.height(); ++j)
    for (int i = 0; i < p.width(); ++i)
      p.at(i, j) += static_cast<float>(peak * std::exp(-0.5 * ((i - x) * (i - x) / (sigma_x * sigma_x) +
                                                               (j - y) * (j - y) / (sigma_y * sigma_y))));
}

Plane<float> sky(int width, int height, double noise) {
  std::mt19937 rng(7);
  std::normal_distribution<float> normal(100, static_cast<float>(noise));
  Plane<float> p(width, height);
  for (float& v : p.samples()) v = normal(rng);
  return p;
}

TEST(SeeingFrames, EvenAndAscending) {
  for (const int count : {1, 2, 63, 64, 65, 142, 1000}) {
    const auto frames = seeing_frames(count);
    ASSERT_EQ(frames.size(), static_cast<std::size_t>(std::min(count, 64)));
    EXPECT_EQ(frames.front(), 0);
    EXPECT_LT(frames.back(), count);
    for (std::size_t i = 1; i < frames.size(); ++i) {
      EXPECT_GE(frames[i] - frames[i - 1], count / 64 > 0 ? count / 64 : 1);
      EXPECT_LE(frames[i] - frames[i - 1], count / 64 + 1);
    }
  }
  EXPECT_TRUE(seeing_frames(0).empty());
}

TEST(StarFwhms, RoundBrightStarsAloneInTheirOrder) {
  Plane<float> p = sky(160, 90, 1);
  const double s1 = 3 / kFwhmPerSigma, s2 = 4 / kFwhmPerSigma;
  add_star(p, 30, 30, 800, s1, s1);
  add_star(p, 80, 30, 800, s2, s2);
  add_star(p, 130, 30, 800, 2 * s1, s1);  // ellipticity 0.5
  add_star(p, 30, 65, 4, s1, s1);         // SNR below 20
  add_star(p, 80, 65, 800, s1, s1);
  p.at(82, 67) = std::numeric_limits<float>::quiet_NaN();
  const std::vector<ReferenceStar> stars = {{30, 30}, {130, 30}, {80, 30}, {30, 65}, {80, 65}, {2, 2}};
  const auto fwhm = star_fwhms(p.view(), stars, 10);
  ASSERT_EQ(fwhm.size(), 2u);
  EXPECT_NEAR(fwhm[0].fwhm_px, 3, 0.08);
  EXPECT_NEAR(fwhm[1].fwhm_px, 4, 0.08);
  EXPECT_EQ(fwhm[1].x, 80);
  EXPECT_EQ(fwhm[1].y, 30);
}

TEST(StarFwhms, OfATrailedFrameElongatedStarsToo) {
  std::vector<ReferenceStar> stars;
  Plane<float> p = sky(300, 60, 1);
  for (int i = 0; i < 5; ++i) {
    stars.push_back({30.0 + 60 * i, 30});
    add_star(p, 30 + 60 * i, 30, 2000, i < 3 ? 3.0 : 1.5, 1.5);  // three of five
  }
  auto fwhm = star_fwhms(p.view(), stars, 12);
  ASSERT_EQ(fwhm.size(), 5u);
  EXPECT_NEAR(fwhm[0].fwhm_px, kFwhmPerSigma * 1.5 * std::sqrt(2.0), 0.1) << "geometric mean of the axes";
  EXPECT_TRUE(fwhm[0].elongated && fwhm[2].elongated && !fwhm[3].elongated);
  stars.erase(stars.begin());  // two of four: not most of them
  fwhm = star_fwhms(p.view(), stars, 12);
  ASSERT_EQ(fwhm.size(), 2u);
  EXPECT_FALSE(fwhm[0].elongated);
}

TEST(StarFwhms, AtMostFiveHundredStars) {
  Plane<float> p = sky(60, 60, 1);
  add_star(p, 30, 30, 800, 1.5, 1.5);
  EXPECT_EQ(star_fwhms(p.view(), std::vector<ReferenceStar>(700, {30, 30}), 9).size(), 500u);
}

TEST(StarRadius, GrowsWithTheSeeingWithinBounds) {
  EXPECT_EQ(star_radius(0.1), 4);
  EXPECT_EQ(star_radius(3), 8);
  EXPECT_EQ(star_radius(100), 40);
  for (double f = 0.5; f < 30; f += 0.5) EXPECT_LE(star_radius(f), star_radius(f + 0.5));
}

TEST(WhyNoSeeing, SaysHowManyOfWhatWidthAreNeeded) {
  EXPECT_EQ(why_no_seeing(3, 2.5), "");
  EXPECT_EQ(why_no_seeing(500, 26), "");
  EXPECT_EQ(why_no_seeing(0, 0),
            "no reference star found in the classical stack, at least 3 of at most 27 px are needed");
  EXPECT_EQ(why_no_seeing(1, 70.64),
            "1 reference star of 70.6 px FWHM found in the classical stack, at least 3 of at most 27 px are "
            "needed");
  EXPECT_NE(why_no_seeing(2, 2.5), "");
  EXPECT_NE(why_no_seeing(40, 70.6), "");
}

}  // namespace
}  // namespace tilecompile
