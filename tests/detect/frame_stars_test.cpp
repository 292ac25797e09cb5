#include "tilecompile/detect/frame_stars.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

struct PlantedStar {
  double x, y, peak, stretch = 1;
};

Plane<float> field(const std::vector<PlantedStar>& stars) {
  const CounterRandom random(3);
  Plane<float> plane(400, 300);
  std::uint64_t k = 0;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      double v = 500 + 10 * random.gaussian(k++);
      for (const PlantedStar& s : stars) {
        const double dx = (x - s.x) / (1.3 * s.stretch), dy = (y - s.y) / 1.3;
        v += s.peak * exact_exp(-0.5 * (dx * dx + dy * dy));
      }
      plane.at(x, y) = static_cast<float>(std::min(v, 60000.0));
    }
  return plane;
}

std::vector<PlantedStar> star_lattice() {
  std::vector<PlantedStar> stars;
  for (int j = 0; j < 5; ++j)
    for (int i = 0; i < 7; ++i)
      stars.push_back({35.2 + 53 * i + 0.13 * j, 31.7 + 58 * j + 0.07 * i, 400.0 + 90 * (7 * j + i)});
  return stars;
}

const FrameStar* near(const FrameStars& found, double x, double y) {
  for (const FrameStar& s : found.chosen)
    if (std::abs(s.x - x) < 1.5 && std::abs(s.y - y) < 1.5) return &s;
  return nullptr;
}

TEST(FrameStarsOfAFrame, AreFoundAtTheirPlacesOnTheGrid) {
  const auto planted = star_lattice();
  const FrameStars found = detect_frame_stars(field(planted));
  EXPECT_EQ(found.width, 400);
  EXPECT_EQ(found.height, 300);
  EXPECT_GE(found.found, 34);
  EXPECT_NEAR(found.fwhm_px, 1.3 * 2.3548, 0.1);
  for (const PlantedStar& p : planted) {
    const FrameStar* s = near(found, p.x, p.y);
    ASSERT_NE(s, nullptr) << p.x << " " << p.y;
    EXPECT_NEAR(s->x, p.x, 4 * s->error_px());
    EXPECT_NEAR(s->y, p.y, 4 * s->error_px());
    EXPECT_EQ(s->x * 1024, std::floor(s->x * 1024));
    EXPECT_FALSE(s->poor);
  }
}

TEST(FrameStarsOfAFrame, SaturatedAndElongatedOnesArePoor) {
  auto planted = star_lattice();
  planted.push_back({60, 60, 200000});
  planted.push_back({170, 140, 5000, 3});
  const FrameStars found = detect_frame_stars(field(planted), 55000);
  ASSERT_NE(near(found, 60, 60), nullptr);
  EXPECT_TRUE(near(found, 60, 60)->poor);
  ASSERT_NE(near(found, 170, 140), nullptr);
  EXPECT_TRUE(near(found, 170, 140)->poor);
}

TEST(FrameStarsOfAFrame, HotPixelsAreNone) {
  Plane<float> frame = field(star_lattice());
  frame.at(100, 100) = frame.at(101, 100) = frame.at(100, 101) = frame.at(101, 101) = frame.at(102, 100) =
      30000;
  frame.at(200, 60) = 50000;
  const FrameStars found = detect_frame_stars(frame);
  EXPECT_EQ(near(found, 200, 60), nullptr);
}

TEST(FrameStarsOfAFrame, AnEmptySkyHasNone) {
  const FrameStars found = detect_frame_stars(field({}));
  EXPECT_TRUE(found.chosen.empty());
  EXPECT_EQ(found.found, 0);
  EXPECT_TRUE(detect_frame_stars(Plane<float>(200, 100, 7.0F)).chosen.empty());
}

}  // namespace
}  // namespace tilecompile
