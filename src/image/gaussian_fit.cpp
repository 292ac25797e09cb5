#include "tilecompile/image/gaussian_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/sample_vectors.hpp"
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

// A row of the stamp, and room for what the last vector holds beyond it.
using Columns = std::array<double, 2 * kMaxStampRadius + 1 + kStampPad>;

struct Step {
  double x = 0, y = 0, a = 0, b = 0, c = 0;
};

constexpr int kPowers = 8;  // room for p = 0 .. 4, in whole vectors

/// Weighted sums over the aperture; g2[q][p] = sum w g^2 u^p v^q, g1 and dg with g and data * g for g^2. Only
/// those with p + q up to 4, of g1 and dg up to 2, are of use.
struct Sums {
  double g2[5][kPowers] = {}, g1[3][kPowers] = {}, dg[3][kPowers] = {};
  double n = 0, d = 0;
};

struct Interval {
  int low, high;  // both inside
};

Interval clip_interval(double low, double high, int side) {
  const double last = side - 1;
  return {static_cast<int>(std::ceil(std::clamp(low, 0.0, last))),
          static_cast<int>(std::floor(std::clamp(high, 0.0, last)))};
}

/// g on the row `y` next to the centre, and what it has to be multiplied by to become the row above and the
/// row below, both inside `columns`; that factor falls by `curve` a row.
struct Seeds {
  Interval columns, rows;
  int y;
  double curve;
  Columns start, up, down;
};

// exp(-(c0 + c1 i + c2 i^2) / 2) along a row, from one column on by multiplication. It takes four
// exponentials: what the factors change by, the first value, and the first factor to either side.
enum RowExp { kCurve, kStart, kRight, kLeft, kRowExps };

void fill_gaussian(const double* exps, int start, Interval range, Columns& out) {
  double* const at = out.data();
  at[start] = exps[kStart];
  double ratio = exps[kRight];
  for (int i = start; i < range.high; ++i, ratio *= exps[kCurve]) at[i + 1] = at[i] * ratio;
  ratio = exps[kLeft];
  for (int i = start; i > range.low; --i, ratio *= exps[kCurve]) at[i - 1] = at[i] * ratio;
  std::fill(at + range.high + 1, at + range.high + 1 + kStampPad, 0.0);
}

void set_exponents(double c0, double c1, double c2, double at, double* exps) {
  exps[kCurve] = -c2;
  exps[kStart] = -0.5 * (c0 + at * (c1 + c2 * at));
  exps[kRight] = -0.5 * (c1 + c2 * (2 * at + 1));
  exps[kLeft] = -0.5 * (-c1 - c2 * (2 * at - 1));
}

/// Thirteen exponentials (and three that fill the vectors); a multiplication a pixel gives the rest.
Seeds seed_rows(const Gaussian& g, Interval columns, Interval rows) {
  Seeds seeds;
  seeds.columns = columns;
  seeds.rows = rows;
  if (columns.low > columns.high || rows.low > rows.high) return seeds;
  seeds.y = std::clamp(static_cast<int>(std::floor(g.y + 0.5)), rows.low, rows.high);
  const int xc = std::clamp(static_cast<int>(std::floor(g.x + 0.5)), columns.low, columns.high);
  const double v = seeds.y - g.y, at = xc;
  std::array<double, 4 * kRowExps> exps{};
  double *const start = exps.data(), *const up = start + kRowExps, *const down = up + kRowExps;
  double* const curve = down + kRowExps;
  set_exponents(g.a * g.x * g.x - 2 * g.b * g.x * v + g.c * v * v, 2 * (g.b * v - g.a * g.x), g.a, at, start);
  // g(y + way) / g(y) = exp(-(2 b u way + c (2 v way + 1)) / 2), a geometric row of its own
  set_exponents(g.c * (2 * v + 1) - 2 * g.b * g.x, 2 * g.b, 0.0, at, up);
  set_exponents(g.c * (2 * -v + 1) + 2 * g.b * g.x, -2 * g.b, 0.0, at, down);
  *curve = -g.c;
  exact_exps(exps.data(), static_cast<int>(exps.size()));
  fill_gaussian(start, xc, columns, seeds.start);
  fill_gaussian(up, xc, columns, seeds.up);
  fill_gaussian(down, xc, columns, seeds.down);
  seeds.curve = *curve;
  return seeds;
}

/// Column by column: w g^2 v^0..4, w g v^0..2, w d g v^0..2, w, w d.
constexpr int kTerms = 13;

/// Weight 1 - (distance / radius)^2, distance in sigmas. It falls to zero smoothly: with a sharp edge pixels
/// would jump in and out as the ellipse moves and the fit would not settle. Every sum runs over rows first, a
/// column at a time, then over columns: lanes of any width agree.
TILECOMPILE_VECTOR_BODY void sum_columns_body(const Stamp& stamp, const Gaussian& g, double scale,
                                              const Seeds& seeds, Sums& sums) {
  constexpr int kCount = kLanes / 2;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  using Masks = typename SampleVectors<kCount>::Masks;
  static_assert(kCount <= kStampPad);
  Doubles lanes;
  for (int i = 0; i < kCount; ++i) lanes[i] = i;
  double column[kTerms][kCount];
  Doubles g2[5][kPowers / kCount] = {}, g1[3][kPowers / kCount] = {}, dg[3][kPowers / kCount] = {};
  for (int x0 = seeds.columns.low; x0 <= seeds.columns.high; x0 += kCount) {
    const Doubles u = (lanes + x0) - g.x;
    double powers[kCount][kPowers] = {};  // of u, one column's after the other
    for (int i = 0; i < kCount; ++i) {
      powers[i][0] = 1.0;
      for (int p = 1; p < 5; ++p) powers[i][p] = powers[i][p - 1] * u[i];
    }
    Doubles sum[kTerms] = {};
    for (const int way : {1, -1}) {
      Doubles value, ratio;
      std::memcpy(&value, seeds.start.data() + x0, sizeof value);
      std::memcpy(&ratio, (way == 1 ? seeds.up : seeds.down).data() + x0, sizeof ratio);
      for (int y = seeds.y; y >= seeds.rows.low && y <= seeds.rows.high; y += way) {
        if (y != seeds.y || way == 1) {
          const double v = y - g.y;
          const double q0 = 1.0 - scale * g.c * v * v, q1 = scale * 2 * g.b * v, q2 = scale * g.a;
          const Doubles raw = q0 - u * (q1 + u * q2);
          const Doubles size = reinterpret_cast<Doubles>(reinterpret_cast<Masks>(raw) & INT64_MAX);
          const Doubles w = 0.5 * (raw + size);  // raw where it is above zero
          Doubles d;
          std::memcpy(&d, stamp.row(y) + x0, sizeof d);
          Doubles e1 = w * value, e2 = e1 * value, de = e1 * d;
          for (int q = 0; q < 5; ++q, e2 *= v) sum[q] += e2;
          for (int q = 5; q < 8; ++q, e1 *= v) sum[q] += e1;
          for (int q = 8; q < 11; ++q, de *= v) sum[q] += de;
          sum[11] += w;
          sum[12] += w * d;
        }
        value *= ratio;
        ratio *= seeds.curve;
      }
    }
    std::memcpy(column, sum, sizeof column);
    for (int i = 0; i < kCount && x0 + i <= seeds.columns.high; ++i) {
      for (int k = 0; k < kPowers / kCount; ++k) {
        Doubles power;
        std::memcpy(&power, powers[i] + k * kCount, sizeof power);
        for (int q = 0; q < 5; ++q) g2[q][k] += power * column[q][i];
        for (int q = 0; q < 3; ++q) g1[q][k] += power * column[5 + q][i];
        for (int q = 0; q < 3; ++q) dg[q][k] += power * column[8 + q][i];
      }
      sums.n += column[11][i];
      sums.d += column[12][i];
    }
  }
  std::memcpy(sums.g2, g2, sizeof g2);
  std::memcpy(sums.g1, g1, sizeof g1);
  std::memcpy(sums.dg, dg, sizeof dg);
}
TILECOMPILE_VECTOR_LEVELS(sum_columns,
                          (const Stamp& stamp, const Gaussian& g, double scale, const Seeds& seeds,
                           Sums& sums),
                          (stamp, g, scale, seeds, sums))

Sums sum_aperture(const Stamp& stamp, const Gaussian& g, double radius) {
  const double reach = radius / std::sqrt(g.determinant());
  const Interval columns =
      clip_interval(g.x - reach * std::sqrt(g.c), g.x + reach * std::sqrt(g.c), stamp.side);
  const Interval rows = clip_interval(g.y - reach * std::sqrt(g.a), g.y + reach * std::sqrt(g.a), stamp.side);
  Sums sums;
  if (columns.low <= columns.high && rows.low <= rows.high)
    sum_columns(stamp, g, 1.0 / (radius * radius), seed_rows(g, columns, rows), sums);
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

// A symmetric positive system: column k of its lower half, the right side as the last row.
constexpr std::size_t kUnknowns = 7;
using Column = std::array<double, kUnknowns + 1>;
using System = std::array<Column, kUnknowns>;

/// Cholesky, column by column; the last row becomes the solution. False when the system is singular.
TILECOMPILE_VECTOR_BODY void solve_body(System& m, bool& solved) {
  double diagonal[kUnknowns];
  double root[kUnknowns];  // not in m: a vector waits long for a part of it that was just stored alone
  for (std::size_t k = 0; k < kUnknowns; ++k) diagonal[k] = m[k][k];
  solved = false;
  for (std::size_t k = 0; k < kUnknowns; ++k) {
    if (!(m[k][k] > 1e-13 * diagonal[k])) return;
    root[k] = std::sqrt(m[k][k]);
    for (double& element : m[k]) element /= root[k];
    for (std::size_t j = k + 1; j < kUnknowns; ++j)
      for (std::size_t i = 0; i <= kUnknowns; ++i) m[j][i] -= m[k][i] * m[k][j];
  }
  for (std::size_t i = kUnknowns; i-- > 0;) {
    double right = m[i][kUnknowns];
    for (std::size_t k = i + 1; k < kUnknowns; ++k) right -= m[i][k] * m[k][kUnknowns];
    m[i][kUnknowns] = right / root[i];
  }
  solved = true;
}
TILECOMPILE_VECTOR_LEVELS(solve, (System & m, bool& solved), (m, solved))

/// Gauss-Newton: the data is fitted by g times {1, u, v, u^2, uv, v^2} plus a constant; the coefficients of
/// u and v are a shift of the centre, those of the squares a change of shape.
bool gauss_newton_step(const Sums& sums, const Gaussian& g, Step& step) {
  constexpr int kTermPowers[6][2] = {{0, 0}, {1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 2}};
  System m{};
  for (std::size_t i = 0; i < 6; ++i) {
    const int p = kTermPowers[i][0], q = kTermPowers[i][1];
    for (std::size_t j = 0; j <= i; ++j) m[j][i] = sums.g2[q + kTermPowers[j][1]][p + kTermPowers[j][0]];
    m[i][6] = sums.g1[q][p];
    m[i][7] = sums.dg[q][p];
  }
  m[6][6] = sums.n;
  m[6][7] = sums.d;
  bool solved;
  solve(m, solved);
  if (!solved) return false;
  const double scale = 1.0 / (g.amplitude * g.determinant());
  step.x = scale * (g.c * m[1][7] - g.b * m[2][7]);
  step.y = scale * (g.a * m[2][7] - g.b * m[1][7]);
  step.a = -2.0 * m[3][7] / g.amplitude;
  step.b = -m[4][7] / g.amplitude;
  step.c = -2.0 * m[5][7] / g.amplitude;
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
  std::vector<double> residuals(stamp.pixels());
  const Interval all{0, stamp.side - 1};
  const Seeds seeds = seed_rows(g, all, all);
  for (const int way : {1, -1}) {
    Columns value = seeds.start, ratio = way == 1 ? seeds.up : seeds.down;
    for (int y = seeds.y; y >= 0 && y < stamp.side; y += way) {
      const double* const data = stamp.row(y);
      double* const out = residuals.data() + static_cast<std::ptrdiff_t>(y) * stamp.side;
      for (int i = 0; i < stamp.side; ++i) {
        const auto x = static_cast<std::size_t>(i);
        // far from a thin slanted star the recurrence may leave the range of double: nothing of it is there
        const double shape = value[x] < 2.0 ? value[x] : 0.0;
        out[x] = data[x] - g.sky - g.amplitude * shape;
        value[x] *= ratio[x];
        ratio[x] *= seeds.curve;
      }
    }
  }
  return residuals;
}

}  // namespace tilecompile
