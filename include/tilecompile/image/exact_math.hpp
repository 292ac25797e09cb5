#pragma once
#include <cstdint>
#include <vector>

namespace tilecompile {

/// exp, log and friends in plain IEEE + - * / so that every C library, compiler and processor gives the same
/// bits. Relative error below 1e-15 over the whole double range; special values as the standard asks.
double exact_exp(double x);
/// exact_exp of each of `n` values, in place: the same bits, some at a time.
void exact_exps(double* values, int n);
/// Natural logarithm; x <= 0 gives -infinity (x == 0) or NaN.
double exact_log(double x);
/// cos(2 pi turns) for any finite `turns`.
double exact_cos_turns(double turns);

/// Hann window of length n: 0.5 (1 - cos(2 pi (i + 0.5) / n)) (`methodology.md` 10).
std::vector<double> hann_window(int n);

}  // namespace tilecompile
