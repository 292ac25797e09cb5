#pragma once
#include <cstddef>
#include <vector>

namespace tilecompile {

/// Per pixel the median over frames of sample - offset, over the valid samples (not NaN); NaN where fewer
/// than `least` are valid. `samples` is [frame][pixel] without gaps, `offsets` [frame]. Pixels first ..
/// last-1 of `pixels` are written to `out`.
void median_over_frames(const float* samples, std::size_t pixels, const std::vector<double>& offsets,
                        std::size_t least, std::size_t first, std::size_t last, float* out);

}  // namespace tilecompile
