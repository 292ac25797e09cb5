#pragma once
#include <algorithm>
#include <vector>

namespace tilecompile {

/// The median as its definition reads.
inline double naive_median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  const std::size_t n = v.size();
  return n == 0 ? 0 : n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

}  // namespace tilecompile
