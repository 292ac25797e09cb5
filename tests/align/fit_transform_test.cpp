#include "tilecompile/align/fit_transform.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

// Pairs that a transform makes, with errors of `noise` px.
std::vector<StarPair> pairs_of(const Transform& t, int n, double noise, std::uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<StarPair> pairs;
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<std::uint64_t>(i) * 4;
    const Point at{1500 * random.uniform(k), 1100 * random.uniform(k + 1)};
    Point to = map(t, at);
    to.x += noise * random.gaussian(k + 2);
    to.y += noise * random.gaussian(k + 3);
    pairs.push_back({at, to, noise > 0 ? 1 / (noise * noise) : 1, i, i});
  }
  return pairs;
}

Transform made(TransformModel model) {
  Transform t;
  t.model = model;
  t.centre_x = 750;
  t.centre_y = 550;
  t.scale = 750;
  t.u = {760, 750};
  t.v = {540, 0, 750};
  if (model == TransformModel::kShift) return t;
  t.u = {760, 700, -250};
  t.v = {540, 250, 700};
  if (model == TransformModel::kSimilarity) return t;
  t.v[2] += 3;
  if (model == TransformModel::kAffine) return t;
  if (model == TransformModel::kHomography) {
    t.g = 0.004;
    t.h = -0.003;
    return t;
  }
  t.u[3] = 2;
  t.v[4] = -1.5;
  if (model == TransformModel::kQuadratic) return t;
  t.u[6] = 3;
  t.v[9] = 3;
  t.u[8] = 3;
  t.v[7] = 3;
  return t;
}

TEST(FitTransform, APlaceThatATransformHasNotIsInfinitelyFar) {
  Transform t;
  t.u = {1, -1};
  t.g = -1;  // at x = 1: 0 / 0
  EXPECT_EQ(residual_px(t, {{1, 0}, {0, 0}, 1, 0, 0}), HUGE_VAL);
}

class EveryModel : public ::testing::TestWithParam<int> {};

TEST_P(EveryModel, IsFoundExactlyWithoutNoise) {
  const auto model = static_cast<TransformModel>(GetParam());
  const Transform truth = made(model);
  const auto fitted = fit_transform(pairs_of(truth, 60, 0, 1), model);
  ASSERT_TRUE(fitted);
  for (const StarPair& p : pairs_of(truth, 200, 0, 2)) EXPECT_LT(residual_px(*fitted, p), 1e-6);
}

TEST_P(EveryModel, IsWhatAutoChooses) {
  const auto model = static_cast<TransformModel>(GetParam());
  int chosen = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto fitted = fit_best_transform(pairs_of(made(model), 120, 0.1, seed));
    ASSERT_TRUE(fitted);
    chosen += fitted->model == model ? 1 : 0;
  }
  EXPECT_GE(chosen, 18) << model_name(model);
}

TEST_P(EveryModel, IsNotBentByWrongPairs) {
  const auto model = static_cast<TransformModel>(GetParam());
  const Transform truth = made(model);
  auto pairs = pairs_of(truth, 100, 0.1, 3);
  for (std::size_t i = 0; i < pairs.size(); i += 7) pairs[i].frame.x += 2.5;
  const auto fitted = fit_transform(pairs, model);
  ASSERT_TRUE(fitted);
  double worst = 0;
  for (const StarPair& p : pairs_of(truth, 100, 0, 4)) worst = std::max(worst, residual_px(*fitted, p));
  EXPECT_LT(worst, 0.2);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, ::testing::Range(0, kTransformModels));

TEST(FitTransform, NeedsPairsThatDetermineTheModel) {
  const auto pairs = pairs_of(made(TransformModel::kAffine), 40, 0, 1);
  EXPECT_FALSE(fit_transform({pairs.begin(), pairs.begin() + 9}, TransformModel::kCubic));
  auto in_line = pairs;
  for (StarPair& p : in_line) p.reference.y = 2 * p.reference.x;
  EXPECT_FALSE(fit_transform(in_line, TransformModel::kAffine));
  EXPECT_FALSE(fit_best_transform({pairs.begin(), pairs.begin() + 2}));
  EXPECT_FALSE(fit_best_transform({}));
}

TEST(FitTransform, RmsLeavesOutWrongPairs) {
  auto pairs = pairs_of(shift_transform(3, 4), 100, 0.1, 5);
  pairs[3].frame.x += 30;
  const auto fitted = fit_transform(pairs, TransformModel::kShift);
  EXPECT_NEAR(residual_rms_px(*fitted, pairs), 0.1 * std::sqrt(2.0), 0.02);
}

}  // namespace
}  // namespace tilecompile
