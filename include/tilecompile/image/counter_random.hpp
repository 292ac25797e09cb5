#pragma once
#include <cmath>
#include <cstdint>

#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {

/// Scrambles 64 bits (the finaliser of splitmix64).
inline std::uint64_t mix_bits(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// Quantile of the normal distribution for 0 < p < 1 by Acklam's rational approximation, relative error below
/// 1.2e-9; the same bits on every platform.
inline double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.47575) {
    const double r = q * q;
    return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
              1.383577518672690e+02) *
                 r -
             3.066479806614716e+01) *
                r +
            2.506628277459239e+00) *
           q /
           (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
              6.680131188771972e+01) *
                 r -
             1.328068155288572e+01) *
                r +
            1.0);
  }
  const double t = std::sqrt(-2.0 * exact_log(q < 0 ? p : 1.0 - p));
  const double tail =
      (((((-7.784894002430293e-03 * t - 3.223964580411365e-01) * t - 2.400758277161838e+00) * t -
         2.549732539343734e+00) *
            t +
        4.374664141464968e+00) *
           t +
       2.938163982698783e+00) /
      ((((7.784695709041462e-03 * t + 3.224671290700398e-01) * t + 2.445134137142996e+00) * t +
        3.754408661907416e+00) *
           t +
       1.0);
  return q < 0 ? tail : -tail;
}

/// Random numbers by counter: the n-th number of a stream depends on seed, stream and n alone, so it does not
/// matter who asks for it or when.
class CounterRandom {
 public:
  explicit CounterRandom(std::uint64_t seed, std::uint64_t stream = 0, std::uint64_t substream = 0)
      : key_(mix_bits(mix_bits(mix_bits(seed + kStep) + stream * kStep) + substream * kStep)) {}

  std::uint64_t bits(std::uint64_t n) const { return mix_bits(key_ + (n + 1) * kStep); }
  /// Evenly distributed in (0, 1), never the ends.
  double uniform(std::uint64_t n) const { return (static_cast<double>(bits(n) >> 12) + 0.5) * 0x1p-52; }
  /// Mean 0, standard deviation 1.
  double gaussian(std::uint64_t n) const { return normal_quantile(uniform(n)); }
  /// Poisson-distributed whole number; from a mean of 50 on a rounded normal one, never below 0.
  double poisson(std::uint64_t n, double mean) const {
    if (mean >= 50) return std::fmax(0.0, std::floor(mean + std::sqrt(mean) * gaussian(n) + 0.5));
    const double u = uniform(n);
    double term = exact_exp(-mean), sum = term, k = 0;
    while (u > sum && k < 300) {
      k += 1;
      term *= mean / k;
      sum += term;
    }
    return k;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  std::uint64_t key_;
};

}  // namespace tilecompile
