#include "tilecompile/align/transform.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

Transform bent() {
  Transform t;
  t.model = TransformModel::kCubic;
  t.centre_x = 500;
  t.centre_y = 400;
  t.scale = 500;
  t.u = {510, 480, -90, 1.5, -0.7, 0.9, 2, -1, 0.5, 1.1};
  t.v = {395, 92, 483, -0.4, 1.2, 0.3, -0.6, 1.4, 0.8, -2};
  return t;
}
Transform tilted() {
  Transform t = bent();
  t.model = TransformModel::kHomography;
  for (std::size_t k = 3; k < 10; ++k) t.u[k] = t.v[k] = 0;
  t.g = 0.01;
  t.h = -0.02;
  return t;
}

TEST(Transform, GoesThereAndBack) {
  for (const Transform& t : {bent(), tilted(), shift_transform(3, -4)})
    for (double y = -50; y <= 850; y += 90)
      for (double x = -50; x <= 1050; x += 110) {
        const auto back = unmap(t, map(t, {x, y}));
        ASSERT_TRUE(back);
        EXPECT_NEAR(back->x, x, 1e-5);
        EXPECT_NEAR(back->y, y, 1e-5);
      }
}

TEST(Transform, AreaIsTheJacobian) {
  for (const Transform& t : {bent(), tilted(), shift_transform(3, -4)})
    for (double y = 0; y <= 800; y += 200)
      for (double x = 0; x <= 1000; x += 250) {
        const double e = 1e-3;
        const Point l = map(t, {x - e, y}), r = map(t, {x + e, y}), a = map(t, {x, y - e}),
                    b = map(t, {x, y + e});
        const double ux = (r.x - l.x) / (2 * e), vx = (r.y - l.y) / (2 * e);
        const double uy = (b.x - a.x) / (2 * e), vy = (b.y - a.y) / (2 * e);
        EXPECT_NEAR(area(t, {x, y}), ux * vy - uy * vx, 1e-7);
      }
}

TEST(Transform, ARowIsTheSameWherverItIsBegun) {
  const Transform t = bent();
  const RowTransform row(t, 123);
  for (int x = 0; x < 100; ++x) {
    EXPECT_EQ(row.at(x).x, map(t, {static_cast<double>(x), 123}).x);
    EXPECT_EQ(row.at(x).y, map(t, {static_cast<double>(x), 123}).y);
  }
}

TEST(Transform, WordsGoThereAndBack) {
  for (int m = 0; m < kTransformModels; ++m) {
    const auto model = static_cast<TransformModel>(m);
    EXPECT_EQ(model_from_name(model_name(model)), model);
  }
  EXPECT_FALSE(model_from_name("auto"));
}

TEST(Transform, TellsScaleRotationAndShift) {
  Transform t;
  const double turn = 30 / 57.295779513082323;
  t.u = {12, 1.02 * std::cos(turn), -1.02 * std::sin(turn)};
  t.v = {-7, 1.02 * std::sin(turn), 1.02 * std::cos(turn)};
  const TransformFigures f = figures_of(t, {0, 0});
  EXPECT_NEAR(f.scale, 1.02, 1e-9);
  EXPECT_NEAR(f.rotation_deg, 30, 1e-7);
  EXPECT_NEAR(f.shift_x_px, 12, 1e-9);
  EXPECT_NEAR(f.shift_y_px, -7, 1e-9);
}

}  // namespace
}  // namespace tilecompile
