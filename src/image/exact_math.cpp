#include "tilecompile/image/exact_math.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

// ln 2 split so that k * kLn2High is exact for |k| < 2^20.
constexpr double kLn2High = 6.93147180369123816490e-01;
constexpr double kLn2Low = 1.90821492927058770002e-10;
constexpr double kPi = 3.14159265358979311600;

[[gnu::always_inline]] inline double two_to(int k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

// x * 2^k without overflow or double rounding on the way for normal results.
double scale(double x, int k) {
  if (k > 1023) return x * two_to(1023) * two_to(k - 1023);
  if (k < -1022) return x * two_to(k + 1022) * two_to(-1022);
  return x * two_to(k);
}

// Taylor polynomial of sin and cos on [0, pi/4].
double small_sin(double a) {
  const double s = a * a;
  double p = -1.0 / 1307674368000.0;
  p = p * s + 1.0 / 6227020800.0;
  p = p * s - 1.0 / 39916800.0;
  p = p * s + 1.0 / 362880.0;
  p = p * s - 1.0 / 5040.0;
  p = p * s + 1.0 / 120.0;
  p = p * s - 1.0 / 6.0;
  return a + a * s * p;
}

double small_cos(double a) {
  const double s = a * a;
  double p = 1.0 / 20922789888000.0;
  p = p * s - 1.0 / 87178291200.0;
  p = p * s + 1.0 / 479001600.0;
  p = p * s - 1.0 / 3628800.0;
  p = p * s + 1.0 / 40320.0;
  p = p * s - 1.0 / 720.0;
  p = p * s + 1.0 / 24.0;
  return 1.0 - (0.5 * s - s * s * p);
}

// exp(x) is `mantissa` times 2^k.
struct ExpParts {
  double mantissa;
  int k;
};

[[gnu::always_inline]] inline ExpParts exp_parts(double x) {
  const double turns = x * 1.44269504088896338700;
  const int k = static_cast<int>(turns + (turns < 0 ? -0.5 : 0.5));
  const double r = (x - k * kLn2High) - k * kLn2Low;  // |r| <= 0.35
  double p = 1.0 / 87178291200.0;
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return {1.0 + (r + r * r * p), k};
}

TILECOMPILE_VECTOR_BODY void find_exps_body(double* values, int n) {
  for (int i = 0; i < n; ++i) {
    const ExpParts e = exp_parts(values[i]);
    values[i] = e.mantissa * two_to(e.k);
  }
}
TILECOMPILE_VECTOR_LEVELS(find_exps, (double* values, int n), (values, n))

}  // namespace

double exact_exp(double x) {
  if (x != x) return x;
  if (x > 709.782712893384) return std::numeric_limits<double>::infinity();
  if (x < -745.2) return 0.0;
  const ExpParts e = exp_parts(x);
  return scale(e.mantissa, e.k);
}

void exact_exps(double* values, int n) {
  constexpr double kOrdinary = 700;  // neither the value nor a power of two on the way leaves the range
  const bool ordinary = std::all_of(values, values + n, [](double x) { return std::abs(x) <= kOrdinary; });
  if (ordinary) return find_exps(values, n);
  for (int i = 0; i < n; ++i) values[i] = exact_exp(values[i]);
}

double exact_log(double x) {
  if (x != x || x == std::numeric_limits<double>::infinity()) return x;
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  int k = 0;
  if (x < 2.2250738585072014e-308) {  // subnormal
    x *= 18014398509481984.0;         // 2^54
    k = -54;
  }
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.41421356237309504880) {
    m *= 0.5;
    ++k;
  }
  // log m = 2 atanh(s), s = (m - 1) / (m + 1), |s| <= 0.1716
  const double f = m - 1.0;
  const double s = f / (m + 1.0);
  const double t = s * s;
  double p = 1.0 / 21.0;
  p = p * t + 1.0 / 19.0;
  p = p * t + 1.0 / 17.0;
  p = p * t + 1.0 / 15.0;
  p = p * t + 1.0 / 13.0;
  p = p * t + 1.0 / 11.0;
  p = p * t + 1.0 / 9.0;
  p = p * t + 1.0 / 7.0;
  p = p * t + 1.0 / 5.0;
  p = p * t + 1.0 / 3.0;
  // 2 s = f - s f, which keeps the leading term exact
  return k * kLn2High + (f - s * (f - 2.0 * t * p) + k * kLn2Low);
}

double exact_cos_turns(double turns) {
  double t = turns < 0 ? -turns : turns;
  t -= std::floor(t);
  if (t > 0.5) t = 1.0 - t;  // cos is even around half a turn
  double sign = 1.0;
  if (t > 0.25) {
    t = 0.5 - t;
    sign = -1.0;
  }
  return sign * (t <= 0.125 ? small_cos(2.0 * kPi * t) : small_sin(2.0 * kPi * (0.25 - t)));
}

std::vector<double> hann_window(int n) {
  std::vector<double> window(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i)
    window[static_cast<std::size_t>(i)] = 0.5 * (1.0 - exact_cos_turns((i + 0.5) / n));
  return window;
}

}  // namespace tilecompile
