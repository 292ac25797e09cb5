#include "frame_stacks.hpp"

#include <algorithm>

#include "tilecompile/base/parallel.hpp"

namespace tilecompile {
namespace {

constexpr int kRowsAtOnce = 64;

}  // namespace

std::vector<MeanStack> empty_stacks(const Manifest& manifest, const MethodConfig& method) {
  return {static_cast<std::size_t>(manifest.channels()),
          MeanStack(manifest.width(), manifest.height(), method.reconstruction.frame_chunk)};
}

void add_to_stacks(std::vector<MeanStack>& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, int threads) {
  const int height = images.front().front().height();
  parallel_for((height + kRowsAtOnce - 1) / kRowsAtOnce, threads, [&](int block) {
    const int y0 = block * kRowsAtOnce, y1 = std::min(height, y0 + kRowsAtOnce);
    for (std::size_t c = 0; c < stacks.size(); ++c)
      for (std::size_t i = 0; i < images.size(); ++i) {
        const auto frame = static_cast<std::size_t>(first) + i;
        const FrameChannel& channel = metrics.channels[c][frame];
        stacks[c].add_rows(static_cast<int>(frame), images[i][c].view(), channel.normalization, channel.noise,
                           y0, y1);
      }
  });
}

void take_stacks(Analysis& analysis, const std::vector<MeanStack>& stacks) {
  analysis.classical.clear();
  analysis.coverage.clear();
  analysis.variance.clear();
  for (const MeanStack& stack : stacks) {
    analysis.classical.push_back(stack.mean());
    analysis.coverage.push_back(stack.coverage());
    analysis.variance.push_back(stack.variance());
  }
}

}  // namespace tilecompile
