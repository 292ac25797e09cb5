#pragma once
#include <algorithm>
#include <vector>

namespace tilecompile {

/// The middle of the sorted values, or the mean of the two middle ones; not empty.
inline double plain_median(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? static_cast<double>(values[n / 2])
                    : 0.5 * (static_cast<double>(values[n / 2 - 1]) + values[n / 2]);
}

}  // namespace tilecompile
