#include "frame_stacks.hpp"

#include <algorithm>

#include "tilecompile/base/parallel.hpp"

namespace tilecompile {
namespace {

constexpr int kRowsAtOnce = RowExtremes::kRows;

}  // namespace

FrameStacks empty_stacks(const Manifest& manifest, const MethodConfig& method) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  const MeanStack mean(manifest.width(), manifest.height(), method.reconstruction.frame_chunk);
  return {std::vector<MeanStack>(channels, mean),
          std::vector<RowExtremes>(channels, RowExtremes(manifest.height()))};
}

void add_to_stacks(FrameStacks& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, int threads) {
  const int height = images.front().front().height();
  parallel_for((height + kRowsAtOnce - 1) / kRowsAtOnce, threads, [&](int block) {
    const int y0 = block * kRowsAtOnce, y1 = std::min(height, y0 + kRowsAtOnce);
    for (std::size_t c = 0; c < stacks.means.size(); ++c)
      for (std::size_t i = 0; i < images.size(); ++i) {
        const auto frame = static_cast<std::size_t>(first) + i;
        const FrameChannel& channel = metrics.channels[c][frame];
        const PlaneView<float> view = images[i][c].view();
        stacks.means[c].add_rows(static_cast<int>(frame), view, channel.normalization, channel.noise, y0, y1);
        stacks.extremes[c].add_rows(view, channel.normalization, y0, y1);
      }
  });
}

void take_stacks(Analysis& analysis, const FrameStacks& stacks) {
  analysis.classical.clear();
  analysis.coverage.clear();
  analysis.variance.clear();
  analysis.extremes = stacks.extremes;
  for (const MeanStack& stack : stacks.means) {
    analysis.classical.push_back(stack.mean());
    analysis.coverage.push_back(stack.coverage());
    analysis.variance.push_back(stack.variance());
  }
}

}  // namespace tilecompile
