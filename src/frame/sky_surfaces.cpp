#include "tilecompile/frame/sky_surfaces.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tilecompile {
namespace {

constexpr double kStiffness = 0.01;     // of the bends, in samples of mean weight
constexpr double kFlatness = 0.06;      // of the slopes, over that of the bends
constexpr double kRidge = 1e-9;         // keeps a frame without samples at 0
constexpr double kLeastSupport = 1e-6;  // of all frames together: below it a coefficient is nobody's
constexpr int kMostTurns = 200;
constexpr double kUnitsOfNoise = 1024;

using Coefficients = std::vector<double>;

// A symmetric positive matrix whose entries are 0 further than `reach` from the diagonal.
class BandMatrix {
 public:
  BandMatrix(std::size_t size, std::size_t reach)
      : size_(size), reach_(reach), entries_(size * (reach + 1)) {}
  // Of the lower half: i >= j, i - j <= reach.
  double& at(std::size_t i, std::size_t j) { return entries_[i * (reach_ + 1) + (j + reach_ - i)]; }
  double at(std::size_t i, std::size_t j) const { return entries_[i * (reach_ + 1) + (j + reach_ - i)]; }
  void add(std::size_t i, std::size_t j, double v) { at(std::max(i, j), std::min(i, j)) += v; }

  // Becomes its Cholesky factor.
  void factorise() {
    for (std::size_t i = 0; i < size_; ++i)
      for (std::size_t j = first(i); j <= i; ++j) {
        double sum = at(i, j);
        for (std::size_t k = std::max(first(i), first(j)); k < j; ++k) sum -= at(i, k) * at(j, k);
        at(i, j) = i == j ? std::sqrt(sum) : sum / at(j, j);
      }
  }

  // Solves for b in place, after factorise().
  void solve(Coefficients& b) const {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t k = first(i); k < i; ++k) b[i] -= at(i, k) * b[k];
      b[i] /= at(i, i);
    }
    for (std::size_t i = size_; i-- > 0;) {
      for (std::size_t k = i + 1; k < std::min(size_, i + reach_ + 1); ++k) b[i] -= at(k, i) * b[k];
      b[i] /= at(i, i);
    }
  }

 private:
  std::size_t first(std::size_t i) const { return i > reach_ ? i - reach_ : 0; }
  std::size_t size_, reach_;
  std::vector<double> entries_;
};

// The nine coefficients that matter at a place, with their values.
std::array<std::pair<std::size_t, double>, 9> terms_at(const SkySample& s, const SkyMesh& mesh) {
  const SplineAt x = spline_at(s.x, mesh.width, mesh.across), y = spline_at(s.y, mesh.height, mesh.down);
  std::array<std::pair<std::size_t, double>, 9> terms;
  for (std::size_t j = 0; j < 3; ++j)
    for (std::size_t i = 0; i < 3; ++i)
      terms[3 * j + i] = {(static_cast<std::size_t>(y.first) + j) * static_cast<std::size_t>(mesh.columns()) +
                              static_cast<std::size_t>(x.first) + i,
                          x.value[i] * y.value[j]};
  return terms;
}

double value_at(const Coefficients& surface, const SkySample& s, const SkyMesh& mesh) {
  double sum = 0;
  for (const auto& [i, v] : terms_at(s, mesh)) sum += v * surface[i];
  return sum;
}

// The squares of slopes and bends that a surface is charged for.
BandMatrix penalty(const SkyMesh& mesh, double weight) {
  const auto columns = static_cast<std::size_t>(mesh.columns()), rows = static_cast<std::size_t>(mesh.rows());
  BandMatrix matrix(mesh.size(), 2 * columns + 2);
  const auto charge = [&](std::initializer_list<std::pair<std::size_t, double>> terms, double strength) {
    for (const auto& [i, a] : terms)
      for (const auto& [j, b] : terms)
        if (j <= i) matrix.add(i, j, weight * strength * a * b);
  };
  for (std::size_t y = 0; y < rows; ++y)
    for (std::size_t x = 0; x < columns; ++x) {
      const std::size_t k = y * columns + x;
      charge({{k, 1}}, kRidge);
      if (x > 0) charge({{k, 1}, {k - 1, -1}}, kFlatness);
      if (y > 0) charge({{k, 1}, {k - columns, -1}}, kFlatness);
      if (x > 1) charge({{k, 1}, {k - 1, -2}, {k - 2, 1}}, 1);
      if (y > 1) charge({{k, 1}, {k - columns, -2}, {k - 2 * columns, 1}}, 1);
      if (x > 0 && y > 0) charge({{k, 1}, {k - 1, -1}, {k - columns, -1}, {k - columns - 1, 1}}, 2);
    }
  return matrix;
}

class SkyFit {
 public:
  SkyFit(const std::vector<std::vector<SkySample>>& samples, const SkyMesh& mesh)
      : samples_(samples),
        mesh_(mesh),
        penalty_(penalty(mesh, kStiffness * mean_pixels(samples))),
        common_(sky_cell_count(mesh)),
        support_(samples.size(), Coefficients(mesh.size())),
        surfaces_(samples.size(), Coefficients(mesh.size())) {
    for (const std::vector<SkySample>& frame : samples) factors_.push_back(factor_of(frame));
    Coefficients most(mesh.size());
    for (std::size_t f = 0; f < samples.size(); ++f)
      for (const SkySample& s : samples[f])
        for (const auto& [i, v] : terms_at(s, mesh_)) {
          support_[f][i] += s.pixels * v * v;
          most[i] = std::max(most[i], support_[f][i]);
        }
    for (Coefficients& support : support_)
      for (std::size_t i = 0; i < most.size(); ++i) support[i] = most[i] > 0 ? support[i] / most[i] : 0;
  }

  // One turn; returns how far the coefficient went that moved most.
  double turn() {
    const std::vector<Coefficients> before = surfaces_;
    for (std::size_t f = 0; f < samples_.size(); ++f) fit_frame(f);
    balance();
    find_common();
    double most = 0;
    for (std::size_t f = 0; f < before.size(); ++f)
      for (std::size_t i = 0; i < before[f].size(); ++i)
        most = std::max(most, std::abs(surfaces_[f][i] - before[f][i]));
    return most;
  }

  std::vector<Coefficients> take() { return std::move(surfaces_); }

  static double mean_pixels(const std::vector<std::vector<SkySample>>& samples) {
    double sum = 0, count = 0;
    for (const auto& frame : samples)
      for (const SkySample& s : frame) {
        sum += s.pixels;
        count += s.pixels > 0 ? 1 : 0;
      }
    return count > 0 ? sum / count : 0;
  }

 private:
  // The same in every turn.
  BandMatrix factor_of(const std::vector<SkySample>& frame) const {
    BandMatrix matrix = penalty_;
    for (const SkySample& s : frame) {
      if (!(s.pixels > 0)) continue;
      const auto terms = terms_at(s, mesh_);
      for (std::size_t i = 0; i < terms.size(); ++i)
        for (std::size_t j = 0; j <= i; ++j)
          matrix.add(terms[i].first, terms[j].first, s.pixels * terms[i].second * terms[j].second);
    }
    matrix.factorise();
    return matrix;
  }

  void fit_frame(std::size_t f) {
    Coefficients right(mesh_.size());
    for (std::size_t c = 0; c < common_.size(); ++c) {
      const SkySample& s = samples_[f][c];
      if (!(s.pixels > 0)) continue;
      for (const auto& [i, v] : terms_at(s, mesh_)) right[i] += s.pixels * v * (s.above - common_[c]);
    }
    factors_[f].solve(right);
    surfaces_[f] = std::move(right);
  }

  // Moves the frames that have samples there until all surfaces add up to 0.
  void balance() {
    for (std::size_t i = 0; i < mesh_.size(); ++i) {
      double sum = 0, supported = 0;
      for (std::size_t f = 0; f < surfaces_.size(); ++f) {
        sum += surfaces_[f][i];
        supported += support_[f][i];
      }
      if (supported < kLeastSupport) continue;
      for (std::size_t f = 0; f < surfaces_.size(); ++f) surfaces_[f][i] -= support_[f][i] * sum / supported;
    }
  }

  void find_common() {
    for (std::size_t c = 0; c < common_.size(); ++c) {
      double sum = 0, pixels = 0;
      for (std::size_t f = 0; f < samples_.size(); ++f) {
        const SkySample& s = samples_[f][c];
        if (!(s.pixels > 0)) continue;
        sum += s.pixels * (s.above - value_at(surfaces_[f], s, mesh_));
        pixels += s.pixels;
      }
      common_[c] = pixels > 0 ? sum / pixels : 0;
    }
  }

  const std::vector<std::vector<SkySample>>& samples_;
  SkyMesh mesh_;
  BandMatrix penalty_;
  std::vector<double> common_;       // m, [cell]
  std::vector<BandMatrix> factors_;  // [frame]
  std::vector<Coefficients> support_, surfaces_;
};

}  // namespace

std::vector<std::vector<double>> fit_skies(const std::vector<std::vector<SkySample>>& samples,
                                           const SkyMesh& mesh, double tolerance) {
  if (!(SkyFit::mean_pixels(samples) > 0))
    return std::vector<std::vector<double>>(samples.size(), Coefficients(mesh.size()));
  SkyFit fit(samples, mesh);
  for (int turn = 0; turn < kMostTurns && fit.turn() > tolerance; ++turn) {
  }
  return fit.take();
}

void keep_sky(FrameChannel& frame, const std::vector<double>& surface) {
  frame.sky_surface.clear();
  if (!(frame.noise > 0)) return;
  for (const double s : surface)
    frame.sky_surface.push_back(std::floor(s / frame.noise * kUnitsOfNoise + 0.5));
}

std::vector<double> kept_sky(const FrameChannel& frame) {
  std::vector<double> surface;
  for (const double units : frame.sky_surface) surface.push_back(units / kUnitsOfNoise * frame.noise);
  return surface;
}

}  // namespace tilecompile
