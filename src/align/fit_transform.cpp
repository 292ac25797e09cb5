#include "tilecompile/align/fit_transform.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kRounds = 12;
constexpr double kCut = 5;  // scales of the residuals
constexpr double kMedianOfRayleigh = 1.17741;
constexpr double kLeastSpread = 0.2;  // in expected errors: better than expected is luck
constexpr int kFolds = 5;
constexpr double kKept = 0.9;
constexpr double kWorthwhile = 1.03;  // a model has to be this much better to be worth its numbers
constexpr double kSingular = 1e-12;

// Normal equations A x = b of at most 20 unknowns, rows added one by one.
class NormalEquations {
 public:
  explicit NormalEquations(int n) : n_(static_cast<std::size_t>(n)), a_(n_ * n_), b_(n_) {}
  void add(const std::vector<double>& row, double right, double weight) {
    for (std::size_t i = 0; i < n_; ++i) {
      const double w = weight * row[i];
      for (std::size_t j = 0; j <= i; ++j) a_[i * n_ + j] += w * row[j];
      b_[i] += w * right;
    }
  }
  // By Cholesky; nothing when a pivot is lost in rounding.
  std::optional<std::vector<double>> solve() {
    std::vector<double> x(n_);
    for (std::size_t i = 0; i < n_; ++i) {
      const double whole = a_[i * n_ + i];
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = a_[i * n_ + j];
        for (std::size_t k = 0; k < j; ++k) sum -= a_[i * n_ + k] * a_[j * n_ + k];
        if (i != j) {
          a_[i * n_ + j] = sum / a_[j * n_ + j];
        } else {
          if (!(sum > kSingular * whole) || !(whole > 0)) return std::nullopt;
          a_[i * n_ + i] = std::sqrt(sum);
        }
      }
      double sum = b_[i];
      for (std::size_t k = 0; k < i; ++k) sum -= a_[i * n_ + k] * x[k];
      x[i] = sum / a_[i * n_ + i];
    }
    for (std::size_t i = n_; i-- > 0;) {
      double sum = x[i];
      for (std::size_t k = i + 1; k < n_; ++k) sum -= a_[k * n_ + i] * x[k];
      x[i] = sum / a_[i * n_ + i];
    }
    return x;
  }

 private:
  std::size_t n_;
  std::vector<double> a_, b_;
};

// The ten monomials of Transform.
std::array<double, 10> monomials(double p, double q) {
  return {1, p, q, p * p, p * q, q * q, p * p * p, p * p * q, p * q * q, q * q * q};
}

// The rows of u and v of one pair; places of the frame less (u0, v0).
struct Rows {
  std::vector<double> u, v;
  double right_u, right_v;
};

Rows rows_of(TransformModel model, double p, double q, double u, double v, double scale) {
  const auto n = static_cast<std::size_t>(parameters_of(model));
  Rows rows{std::vector<double>(n), std::vector<double>(n), u, v};
  switch (model) {
    case TransformModel::kShift:
      rows.u[0] = rows.v[1] = 1;
      rows.right_u -= scale * p;
      rows.right_v -= scale * q;
      break;
    case TransformModel::kSimilarity:
      rows.u = {p, -q, 1, 0};
      rows.v = {q, p, 0, 1};
      break;
    case TransformModel::kHomography:
      rows.u = {1, p, q, 0, 0, 0, -p * u / scale, -q * u / scale};
      rows.v = {0, 0, 0, 1, p, q, -p * v / scale, -q * v / scale};
      break;
    default: {
      const std::array<double, 10> m = monomials(p, q);
      for (std::size_t k = 0; k < n / 2; ++k) rows.u[k] = rows.v[n / 2 + k] = m[k];
    }
  }
  return rows;
}

// Centre and size of the pairs, so that p and q are of the order of 1.
struct Frame {
  double x = 0, y = 0, u = 0, v = 0, scale = 1;
};

Frame frame_of(const std::vector<StarPair>& pairs) {
  Frame f;
  const auto n = static_cast<double>(pairs.size());
  for (const StarPair& s : pairs) {
    f.x += s.reference.x / n;
    f.y += s.reference.y / n;
    f.u += s.frame.x / n;
    f.v += s.frame.y / n;
  }
  for (const StarPair& s : pairs)
    f.scale = std::max({f.scale, std::abs(s.reference.x - f.x), std::abs(s.reference.y - f.y)});
  return f;
}

Transform transform_of(TransformModel model, const Frame& f, const std::vector<double>& x) {
  Transform t;
  t.model = model;
  t.centre_x = f.x;
  t.centre_y = f.y;
  t.scale = f.scale;
  switch (model) {
    case TransformModel::kShift:
      t.u = {f.u + x[0], f.scale};
      t.v = {f.v + x[1], 0, f.scale};
      break;
    case TransformModel::kSimilarity:
      t.u = {f.u + x[2], x[0], -x[1]};
      t.v = {f.v + x[3], x[1], x[0]};
      break;
    case TransformModel::kHomography:
      t.g = x[6] / f.scale;
      t.h = x[7] / f.scale;
      t.u = {x[0] + f.u, x[1] + f.u * t.g, x[2] + f.u * t.h};
      t.v = {x[3] + f.v, x[4] + f.v * t.g, x[5] + f.v * t.h};
      break;
    default:
      for (std::size_t k = 0, half = x.size() / 2; k < half; ++k) {
        t.u[k] = x[k];
        t.v[k] = x[half + k];
      }
      t.u[0] += f.u;
      t.v[0] += f.v;
  }
  return t;
}

std::optional<Transform> weighted_fit(const std::vector<StarPair>& pairs, TransformModel model,
                                      const Frame& f, const std::vector<double>& weights) {
  NormalEquations equations(parameters_of(model));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    const StarPair& s = pairs[i];
    const Rows rows = rows_of(model, (s.reference.x - f.x) / f.scale, (s.reference.y - f.y) / f.scale,
                              s.frame.x - f.u, s.frame.y - f.v, f.scale);
    equations.add(rows.u, rows.right_u, weights[i]);
    equations.add(rows.v, rows.right_v, weights[i]);
  }
  const auto x = equations.solve();
  if (!x) return std::nullopt;
  return transform_of(model, f, *x);
}

// Tukey's weights of the residuals over their errors.
std::vector<double> robust_weights(const std::vector<StarPair>& pairs, const Transform& t) {
  std::vector<double> off;
  for (const StarPair& s : pairs) off.push_back(residual_px(t, s) * std::sqrt(s.weight));
  const double scale = std::max(median(off) / kMedianOfRayleigh, kLeastSpread);
  std::vector<double> weights;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double r = off[i] / (kCut * scale), inside = 1 - r * r;
    weights.push_back(r < 1 ? pairs[i].weight * inside * inside : 0);
  }
  return weights;
}

// Mean residual over errors of pairs that took no part in the fit that judges them.
double left_out_residual(const std::vector<StarPair>& pairs, TransformModel model) {
  std::vector<double> off;
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    std::vector<StarPair> rest;
    for (std::size_t i = 0; i < pairs.size(); ++i)
      if (i % kFolds != fold) rest.push_back(pairs[i]);
    const auto t = fit_transform(rest, model);
    if (!t) return std::numeric_limits<double>::infinity();
    for (std::size_t i = fold; i < pairs.size(); i += kFolds)
      off.push_back(residual_px(*t, pairs[i]) * std::sqrt(pairs[i].weight));
  }
  std::sort(off.begin(), off.end());
  const std::size_t kept =
      std::max<std::size_t>(1, static_cast<std::size_t>(kKept * static_cast<double>(off.size())));
  double sum = 0;
  for (std::size_t i = 0; i < kept; ++i) sum += off[i] * off[i];
  return std::sqrt(sum / static_cast<double>(kept));
}

bool enough_for(std::size_t pairs, TransformModel model) {
  return pairs >= std::max<std::size_t>(3, static_cast<std::size_t>(3 * parameters_of(model) / 2));
}

}  // namespace

double residual_px(const Transform& t, const StarPair& pair) {
  const Point at = map(t, pair.reference);
  const double dx = at.x - pair.frame.x, dy = at.y - pair.frame.y;
  const double off = std::sqrt(dx * dx + dy * dy);
  return off == off ? off : std::numeric_limits<double>::infinity();  // NaN has no place in a sort
}

std::optional<Transform> fit_transform(const std::vector<StarPair>& pairs, TransformModel model) {
  if (2 * static_cast<int>(pairs.size()) < parameters_of(model)) return std::nullopt;
  const Frame f = frame_of(pairs);
  std::vector<double> weights;
  for (const StarPair& s : pairs) weights.push_back(s.weight);
  std::optional<Transform> t = weighted_fit(pairs, model, f, weights);
  for (int round = 1; t && round < kRounds; ++round)
    t = weighted_fit(pairs, model, f, robust_weights(pairs, *t));
  return t;
}

std::optional<Transform> fit_best_transform(const std::vector<StarPair>& pairs) {
  std::array<double, kTransformModels> score{};
  double best = std::numeric_limits<double>::infinity();
  for (int m = 0; m < kTransformModels; ++m) {
    const auto model = static_cast<TransformModel>(m);
    double& now = score[static_cast<std::size_t>(m)];
    now = enough_for(pairs.size(), model) ? left_out_residual(pairs, model)
                                          : std::numeric_limits<double>::infinity();
    best = std::min(best, now);
  }
  if (best == std::numeric_limits<double>::infinity()) return std::nullopt;
  for (int m = 0; m < kTransformModels; ++m)
    if (score[static_cast<std::size_t>(m)] <= kWorthwhile * best)
      return fit_transform(pairs, static_cast<TransformModel>(m));
  return std::nullopt;
}

double residual_rms_px(const Transform& t, const std::vector<StarPair>& pairs) {
  std::vector<double> off;
  for (const StarPair& s : pairs) off.push_back(residual_px(t, s));
  const double limit = 3 * std::max(median(off) / kMedianOfRayleigh, 1e-6);
  double sum = 0, count = 0;
  for (const double r : off)
    if (r <= limit) {
      sum += r * r;
      count += 1;
    }
  return count > 0 ? std::sqrt(sum / count) : 0;
}

}  // namespace tilecompile
