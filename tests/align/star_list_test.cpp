#include "tilecompile/align/star_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "align/test_sky.hpp"

namespace tilecompile {
namespace {

TEST(StarList, IsSpreadOverTheImage) {
  SkyField f;
  f.stars = 5000;
  auto stars = observe(f, {}, make_sky(f, 1), 1);
  for (FrameStar& s : stars)
    if (s.x < 250 && s.y < 180) s.flux *= 1000;  // a cluster in one corner
  const auto chosen = choose_stars(stars, f.width, f.height);
  EXPECT_EQ(chosen.size(), static_cast<std::size_t>(kMostStars));
  const auto in_corner =
      std::count_if(chosen.begin(), chosen.end(), [](const FrameStar& s) { return s.x < 250 && s.y < 180; });
  EXPECT_EQ(in_corner, kMostStarsACell);
}

TEST(StarList, PoorStarsComeLastAndOrderIsTotal) {
  std::vector<FrameStar> stars = {{10, 10, 5, 3, 50, false},
                                  {20, 10, 9, 3, 50, true},
                                  {5, 10, 5, 3, 50, false},
                                  {30, 90, 7, 3, 50, false}};
  const auto chosen = choose_stars(stars, 100, 100);
  std::reverse(stars.begin(), stars.end());
  const auto again = choose_stars(stars, 100, 100);
  ASSERT_EQ(chosen.size(), 4u);
  const double x[] = {30, 5, 10, 20};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(chosen[i].x, x[i]);
    EXPECT_EQ(again[i].x, x[i]);
  }
}

TEST(StarList, ErrorsGrowWithNoise) {
  EXPECT_LT((FrameStar{0, 0, 1, 3, 100, false}).error_px(), (FrameStar{0, 0, 1, 3, 10, false}).error_px());
  EXPECT_NEAR((FrameStar{0, 0, 1, 2.3548, 10, false}).error_px(), std::sqrt(0.01 + 0.0009), 1e-4);
}

}  // namespace
}  // namespace tilecompile
