#pragma once
#include <cstddef>
#include <vector>

namespace tilecompile {

/// A standard deviation over the median absolute deviation of normal numbers (`methodology.md` 2).
inline constexpr double kSdOfMad = 1.4826;

/// Median of `values` (the middle one, or the mean of the two middle ones); 0 for none. No NaN may be among
/// them.
double median(std::vector<double> values);
/// The same; what `values` holds is lost.
double median_in_place(std::vector<double>& values);
/// The value of rank `k` (from 0, below their number) among `values`, which are lost. No NaN may be among
/// them.
double value_of_rank(std::vector<double>& values, std::size_t k);
/// The median of some hundreds of floats, which stay as they are: by counting.
double median_of_few(const std::vector<float>& values);
/// 1.4826 times the median absolute deviation from the median (`methodology.md` 2); 0 for none.
double robust_sd(const std::vector<double>& values);
/// z(x_i) = (x_i - median) / max(sd, 1e-6) (`methodology.md` 2).
std::vector<double> z_scores(const std::vector<double>& values);

}  // namespace tilecompile
