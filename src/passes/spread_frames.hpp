#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

namespace tilecompile {

/// At most `most` of so many frames, spread evenly over them.
inline std::vector<int> spread_over(int frame_count, int most) {
  std::vector<int> frames;
  const int n = std::min(frame_count, most);
  for (int i = 0; i < n; ++i)
    frames.push_back(static_cast<int>((2 * static_cast<std::int64_t>(i) + 1) * frame_count / (2 * n)));
  return frames;
}

}  // namespace tilecompile
