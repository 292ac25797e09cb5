#include "gaussian_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

// The fit is weighted over an ellipse around the core that follows it. The sky is a parameter, so wings that
// fill the box do no harm, and what lies near the border of the box (a neighbour, a hot pixel) stays outside
// the ellipse of a star of ordinary size.

namespace tilecompile {
namespace {

// Semi-axes of the ellipse in sigmas (1.6 FWHM). Measured: 3.5 has no bias on a Moffat profile but 10 % more
// scatter, 4 has twice the bias and 7 % less scatter.
constexpr double kApertureSigmas = 3.75;
constexpr double kMinAperturePx = 2.5;  // geometric mean of the semi-axes: enough pixels for 7 parameters
constexpr double kMinSigmaPx = 0.4;     // narrower than any optics gives: a hot pixel
constexpr double kMaxWanderPx = 2.0;
constexpr int kMaxSteps = 25;
constexpr double kSettled = 3e-3;  // last step in units of sigma and of the shape; the error left is far less

using Columns = std::array<double, 2 * kMaxStampRadius + 1>;

struct Step {
  double x = 0, y = 0, a = 0, b = 0, c = 0;
};

/// Weighted sums over the aperture; g2[p][q] = sum w g^2 u^p v^q, g1 and dg with g and data * g for g^2.
struct Sums {
  double g2[5][5] = {}, g1[3][3] = {}, dg[3][3] = {};
  double n = 0, d = 0;
};

struct Range {
  int low, high;  // both inside
};

Range clip_range(double low, double high, int side) {
  const double last = side - 1;
  return {static_cast<int>(std::ceil(std::clamp(low, 0.0, last))),
          static_cast<int>(std::floor(std::clamp(high, 0.0, last)))};
}

/// exp(-(c0 + c1 i + c2 i^2) / 2) for i = first .. last, by multiplication outward from `start`.
void fill_gaussian(double c0, double c1, double c2, int start, Range range, double* out) {
  const double curve = exact_exp(-c2);
  const double at = start;
  out[start] = exact_exp(-0.5 * (c0 + at * (c1 + c2 * at)));
  double ratio = exact_exp(-0.5 * (c1 + c2 * (2 * at + 1)));
  for (int i = start; i < range.high; ++i, ratio *= curve) out[i + 1] = out[i] * ratio;
  ratio = exact_exp(-0.5 * (-c1 - c2 * (2 * at - 1)));
  for (int i = start; i > range.low; --i, ratio *= curve) out[i - 1] = out[i] * ratio;
}

/// Calls visit(y, g) for every row of the range, g the row of exp(..) valid inside `columns`: eight
/// exponentials and a multiplication a pixel.
template <class Visit>
void visit_rows(const Gaussian& g, Range columns, Range rows, Visit visit) {
  if (columns.low > columns.high || rows.low > rows.high) return;
  Columns value, ratio, start;
  const int yc = std::clamp(static_cast<int>(std::floor(g.y + 0.5)), rows.low, rows.high);
  const int xc = std::clamp(static_cast<int>(std::floor(g.x + 0.5)), columns.low, columns.high);
  const double v = yc - g.y;
  fill_gaussian(g.a * g.x * g.x - 2 * g.b * g.x * v + g.c * v * v, 2 * (g.b * v - g.a * g.x), g.a, xc,
                columns, start.data());
  const double curve = exact_exp(-g.c);
  for (int way : {1, -1}) {
    // g(y + way) / g(y) = exp(-(2 b u way + c (2 v way + 1)) / 2), a geometric row of its own
    fill_gaussian(g.c * (2 * v * way + 1) - 2 * g.b * g.x * way, 2 * g.b * way, 0.0, xc, columns,
                  ratio.data());
    value = start;
    for (int y = yc; y >= rows.low && y <= rows.high; y += way) {
      if (y != yc || way == 1) visit(y, value.data());
      for (int x = columns.low; x <= columns.high; ++x) {
        value[static_cast<std::size_t>(x)] *= ratio[static_cast<std::size_t>(x)];
        ratio[static_cast<std::size_t>(x)] *= curve;
      }
    }
  }
}

/// Column by column: w g^2 v^0..4, w g v^0..2, w d g v^0..2, w, w d.
constexpr int kTerms = 13;

/// A row of the aperture: w = q0 - u (q1 + u q2) with u = column - x, not below 0.
struct ApertureRow {
  double x, v, q0, q1, q2;
  Range columns;
};

TILECOMPILE_VECTOR_BODY void add_pixels_body(const ApertureRow& row, const double* __restrict value,
                                             const double* __restrict data, Columns* __restrict column) {
  const double gx = row.x, v = row.v, q0 = row.q0, q1 = row.q1, q2 = row.q2;
  for (int x = row.columns.low, high = row.columns.high; x <= high; ++x) {
    const double u = x - gx, raw = q0 - u * (q1 + u * q2);
    const double w = raw > 0 ? raw : 0.0;
    const double e = value[x], d = data[x];
    double g1 = w * e, g2 = g1 * e, dg = g1 * d;
    double* const terms = column[0].data() + x;
    constexpr std::size_t kNext = std::tuple_size_v<Columns>;
    for (std::size_t q = 0; q < 5; ++q, g2 *= v) terms[q * kNext] += g2;
    for (std::size_t q = 5; q < 8; ++q, g1 *= v) terms[q * kNext] += g1;
    for (std::size_t q = 8; q < 11; ++q, dg *= v) terms[q * kNext] += dg;
    terms[11 * kNext] += w;
    terms[12 * kNext] += w * d;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_pixels,
                          (const ApertureRow& row, const double* value, const double* data, Columns* column),
                          (row, value, data, column))

/// Weight 1 - (distance / radius)^2, distance in sigmas. It falls to zero smoothly: with a sharp edge pixels
/// would jump in and out as the ellipse moves and the fit would not settle. Every sum runs over rows first, a
/// column at a time, then over columns: lanes of any width agree.
Sums sum_aperture(const Stamp& stamp, const Gaussian& g, double radius) {
  std::array<Columns, kTerms> column;
  const double reach = radius / std::sqrt(g.determinant());
  const Range columns = clip_range(g.x - reach * std::sqrt(g.c), g.x + reach * std::sqrt(g.c), stamp.side);
  const Range rows = clip_range(g.y - reach * std::sqrt(g.a), g.y + reach * std::sqrt(g.a), stamp.side);
  for (auto& term : column) std::fill(term.begin() + columns.low, term.begin() + columns.high + 1, 0.0);
  const double scale = 1.0 / (radius * radius);
  visit_rows(g, columns, rows, [&](int y, const double* value) {
    const double v = y - g.y;
    const double* data = stamp.row(y);
    const double q0 = 1.0 - scale * g.c * v * v, q1 = scale * 2 * g.b * v, q2 = scale * g.a;
    add_pixels({g.x, v, q0, q1, q2, columns}, value, data, column.data());
  });
  Sums sums;
  for (int i = columns.low; i <= columns.high; ++i) {
    const auto x = static_cast<std::size_t>(i);
    double power = 1.0;
    for (int p = 0; p <= 4; ++p, power *= i - g.x) {
      for (int q = 0; p + q <= 4; ++q) sums.g2[p][q] += power * column[static_cast<std::size_t>(q)][x];
      for (int q = 0; p + q <= 2; ++q) {
        sums.g1[p][q] += power * column[static_cast<std::size_t>(5 + q)][x];
        sums.dg[p][q] += power * column[static_cast<std::size_t>(8 + q)][x];
      }
    }
    sums.n += column[11][x];
    sums.d += column[12][x];
  }
  return sums;
}

/// Best amplitude and sky for the shape the sums were taken with; false when they cannot be told apart.
bool solve_linear(const Sums& sums, Gaussian& g) {
  const double gg = sums.g2[0][0], one = sums.g1[0][0], data = sums.dg[0][0];
  const double determinant = gg * sums.n - one * one;
  if (!(determinant > 1e-9 * gg * sums.n)) return false;
  g.amplitude = (data * sums.n - sums.d * one) / determinant;
  g.sky = (gg * sums.d - one * data) / determinant;
  return true;
}

/// Solves the symmetric positive system in place; false when it is singular.
template <std::size_t n>
bool solve_cholesky(std::array<std::array<double, n>, n>& m, std::array<double, n>& r) {
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = m[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= m[i][k] * m[j][k];
      if (i != j) {
        m[i][j] = sum / m[j][j];
      } else {
        if (!(sum > 1e-13 * m[i][i])) return false;
        m[i][i] = std::sqrt(sum);
      }
    }
    for (std::size_t k = 0; k < i; ++k) r[i] -= m[i][k] * r[k];
    r[i] /= m[i][i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) r[i] -= m[k][i] * r[k];
    r[i] /= m[i][i];
  }
  return true;
}

/// Gauss-Newton: the data is fitted by g times {1, u, v, u^2, uv, v^2} plus a constant; the coefficients of
/// u and v are a shift of the centre, those of the squares a change of shape.
bool gauss_newton_step(const Sums& sums, const Gaussian& g, Step& step) {
  constexpr int kPowers[6][2] = {{0, 0}, {1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 2}};
  std::array<std::array<double, 7>, 7> m{};
  std::array<double, 7> r{};
  for (std::size_t i = 0; i < 6; ++i) {
    const int p = kPowers[i][0], q = kPowers[i][1];
    for (std::size_t j = 0; j <= i; ++j) m[i][j] = sums.g2[p + kPowers[j][0]][q + kPowers[j][1]];
    m[6][i] = sums.g1[p][q];
    r[i] = sums.dg[p][q];
  }
  m[6][6] = sums.n;
  r[6] = sums.d;
  if (!solve_cholesky(m, r)) return false;
  const double scale = 1.0 / (g.amplitude * g.determinant());
  step.x = scale * (g.c * r[1] - g.b * r[2]);
  step.y = scale * (g.a * r[2] - g.b * r[1]);
  step.a = -2.0 * r[3] / g.amplitude;
  step.b = -r[4] / g.amplitude;
  step.c = -2.0 * r[5] / g.amplitude;
  return true;
}

/// Shortens the step to what the linear model can be trusted with; returns its size, in sigmas for the centre
/// and relative for the shape, whichever is larger.
double limit_step(const Gaussian& g, Step& step) {
  const double shift =
      std::sqrt(std::max(0.0, g.a * step.x * step.x + 2 * g.b * step.x * step.y + g.c * step.y * step.y));
  if (shift > 1.0) {
    step.x /= shift;
    step.y /= shift;
  }
  // eigenvalues of (shape)^-1 (change of shape)
  const double determinant = g.determinant();
  const double half = 0.5 * (g.c * step.a - 2 * g.b * step.b + g.a * step.c) / determinant;
  const double spread =
      std::sqrt(std::max(0.0, half * half - (step.a * step.c - step.b * step.b) / determinant));
  const double factor =
      std::min({1.0, 0.6 / std::max(0.6, spread - half), 1.5 / std::max(1.5, half + spread)});
  step.a *= factor;
  step.b *= factor;
  step.c *= factor;
  return std::max(shift, std::abs(half) + spread);
}

Gaussian moved(const Gaussian& g, const Step& step) {
  Gaussian to = g;
  to.x += step.x;
  to.y += step.y;
  to.a += step.a;
  to.b += step.b;
  to.c += step.c;
  return to;
}

/// Semi-axis of the fitted ellipse in sigmas.
double aperture_sigmas(const Gaussian& g) { return std::max(kApertureSigmas, kMinAperturePx / g.sigma()); }

bool plausible(const Gaussian& g, const Stamp& stamp, double x, double y) {
  const double wander2 = (g.x - x) * (g.x - x) + (g.y - y) * (g.y - y);
  return g.amplitude > 0 && g.a > 0 && g.determinant() > 0 && wander2 <= kMaxWanderPx * kMaxWanderPx &&
         g.minor_sigma() >= kMinSigmaPx && g.major_sigma() <= stamp.radius;
}

}  // namespace

double Gaussian::sigma() const { return 1.0 / std::sqrt(std::sqrt(determinant())); }

double Gaussian::minor_sigma() const {
  const double half = 0.5 * (a + c);
  return 1.0 / std::sqrt(half + std::sqrt(std::max(0.0, half * half - determinant())));
}

double Gaussian::major_sigma() const { return 1.0 / (minor_sigma() * std::sqrt(determinant())); }

bool fit_gaussian(const Stamp& stamp, double x, double y, Gaussian& g) {
  for (int i = 0; i < kMaxSteps; ++i) {
    const Sums sums = sum_aperture(stamp, g, aperture_sigmas(g));
    Step step;
    if (!solve_linear(sums, g) || !plausible(g, stamp, x, y) || !gauss_newton_step(sums, g, step))
      return false;
    const double size = limit_step(g, step);
    g = moved(g, step);
    if (size < kSettled) return plausible(g, stamp, x, y);
  }
  return false;
}

std::vector<double> gaussian_residuals(const Stamp& stamp, const Gaussian& g) {
  std::vector<double> residuals(stamp.samples.size());
  const Range all{0, stamp.side - 1};
  visit_rows(g, all, all, [&](int y, const double* value) {
    const double* data = stamp.row(y);
    double* out = residuals.data() + static_cast<std::ptrdiff_t>(y) * stamp.side;
    for (int x = 0; x < stamp.side; ++x) {
      // far from a thin slanted star the recurrence may leave the range of double: nothing of it is there
      const double shape = value[x] < 2.0 ? value[x] : 0.0;
      out[x] = data[x] - g.sky - g.amplitude * shape;
    }
  });
  return residuals;
}

}  // namespace tilecompile
