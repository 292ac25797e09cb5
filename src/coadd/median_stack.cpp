#include "tilecompile/coadd/median_stack.hpp"

#include <limits>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {

void median_over_frames(const float* samples, std::size_t pixels, const std::vector<double>& offsets,
                        std::size_t least, std::size_t first, std::size_t last, float* out) {
  std::vector<double> values;
  for (std::size_t p = first; p < last; ++p) {
    values.clear();
    for (std::size_t f = 0; f < offsets.size(); ++f) {
      const float v = samples[f * pixels + p];
      if (v == v) values.push_back(v - offsets[f]);
    }
    if (values.empty() || values.size() < least) {
      out[p] = std::numeric_limits<float>::quiet_NaN();
      continue;
    }
    out[p] = static_cast<float>(median_in_place(values));
  }
}

}  // namespace tilecompile
