#include "tilecompile/image/sky_mesh.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(SkyMesh, HasEightIntervalsAlongTheLongerSideAndNoneBelow64Px) {
  const auto intervals = [](int width, int height) {
    const SkyMesh mesh = sky_mesh(width, height);
    return std::pair{mesh.across, mesh.down};
  };
  EXPECT_EQ(intervals(640, 480), (std::pair{8, 6}));
  EXPECT_EQ(intervals(4000, 6000), (std::pair{5, 8}));
  EXPECT_EQ(intervals(200, 130), (std::pair{3, 2}));
  EXPECT_EQ(intervals(63, 20), (std::pair{1, 1}));
  EXPECT_EQ(intervals(6000, 100), (std::pair{8, 1}));
  EXPECT_EQ(sky_mesh(640, 480).size(), 80U);
}

TEST(SkyMesh, ThreeSplinesAddUpToOneFromBorderToBorder) {
  for (double x = -0.5; x <= 130.5; x += 0.25) {
    const SplineAt at = spline_at(x, 131, 4);
    ASSERT_GE(at.first, 0);
    ASSERT_LE(at.first, 3);
    EXPECT_NEAR(at.value[0] + at.value[1] + at.value[2], 1, 1e-15);
    for (const double v : at.value) EXPECT_GE(v, 0);
  }
}

// The coefficients stand for places half an interval beyond the borders and in the middle of the intervals.
TEST(SkyMesh, APlaneIsAPlaneAndNothingIsBrokenAtTheIntervals) {
  const SkyMesh mesh = sky_mesh(331, 200);
  std::vector<double> plane, any;
  for (int j = 0; j < mesh.rows(); ++j)
    for (int i = 0; i < mesh.columns(); ++i) {
      const double x = (i - 0.5) * mesh.width / mesh.across - 0.5,
                   y = (j - 0.5) * mesh.height / mesh.down - 0.5;
      plane.push_back(3 + 0.25 * x - 0.5 * y);
      any.push_back((i * 7 + j * 5) % 11);
    }
  const Box whole{0, 0, 331, 200};
  const Plane<double> flat = surface_in(plane, mesh, whole), bent = surface_in(any, mesh, whole);
  for (int y = 0; y < 200; ++y)
    for (int x = 0; x < 331; ++x) EXPECT_NEAR(flat.at(x, y), 3 + 0.25 * x - 0.5 * y, 1e-11);
  for (int y = 0; y < 200; ++y)
    for (int x = 2; x < 331; ++x)
      EXPECT_LT(std::abs(bent.at(x, y) - 2 * bent.at(x - 1, y) + bent.at(x - 2, y)), 0.01);
}

}  // namespace
}  // namespace tilecompile
