#include "tilecompile/frame/fwhm_surface.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostTerms = 6;
constexpr std::size_t kStarsForCurve = 30, kStarsForSlope = 12;
constexpr int kRounds = 5;
constexpr double kFarthestSd = 3;
constexpr double kSmallestPivot = 1e-9;

using Terms = std::array<double, kMostTerms>;

Terms terms_at(double x, double y, int width, int height) {
  const double u = (2 * x + 1) / width - 1, v = (2 * y + 1) / height - 1;
  return {1, u, v, u * u, u * v, v * v};
}

double value(const std::vector<double>& surface, const Terms& terms) {
  double sum = 0;
  for (std::size_t i = 0; i < surface.size(); ++i) sum += surface[i] * terms[i];
  return sum;
}

std::size_t term_count(std::size_t stars) {
  return stars >= kStarsForCurve ? kMostTerms : stars >= kStarsForSlope ? 3 : 1;
}

// Solves the normal equations by Cholesky; false when the stars do not determine the terms.
bool solve(std::array<Terms, kMostTerms>& a, Terms& b, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i][k] * a[j][k];
      if (i != j) {
        a[i][j] = sum / a[j][j];
      } else {
        if (!(sum > kSmallestPivot)) return false;
        a[i][i] = std::sqrt(sum);
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return true;
}

std::vector<double> least_squares(const std::vector<Terms>& terms, const std::vector<double>& values,
                                  std::size_t n) {
  std::array<Terms, kMostTerms> a{};
  Terms b{};
  for (std::size_t s = 0; s < terms.size(); ++s)
    for (std::size_t i = 0; i < n; ++i) {
      b[i] += terms[s][i] * values[s];
      for (std::size_t j = 0; j <= i; ++j) a[i][j] += terms[s][i] * terms[s][j];
    }
  if (!solve(a, b, n)) return least_squares(terms, values, n > 3 ? 3 : 1);
  return {b.begin(), b.begin() + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace

std::vector<double> fit_fwhm_surface(const std::vector<StarFwhm>& stars, int width, int height) {
  std::vector<Terms> terms;
  std::vector<double> values;
  for (const StarFwhm& star : stars) {
    terms.push_back(terms_at(star.x, star.y, width, height));
    values.push_back(exact_log(star.fwhm_px));
  }
  std::vector<double> surface;
  for (int round = 0; round < kRounds && !terms.empty(); ++round) {
    surface = least_squares(terms, values, term_count(terms.size()));
    std::vector<double> residuals;
    for (std::size_t s = 0; s < terms.size(); ++s)
      residuals.push_back(std::abs(values[s] - value(surface, terms[s])));
    const double limit = kFarthestSd * 1.4826 * median(residuals);
    std::size_t kept = 0;
    for (std::size_t s = 0; s < terms.size(); ++s) {
      if (residuals[s] > limit) continue;
      terms[kept] = terms[s];
      values[kept++] = values[s];
    }
    if (kept == terms.size() || kept == 0) break;
    terms.resize(kept);
    values.resize(kept);
  }
  return surface;
}

double log_fwhm_at(const std::vector<double>& surface, double x, double y, int width, int height) {
  return value(surface, terms_at(x, y, width, height));
}

}  // namespace tilecompile
