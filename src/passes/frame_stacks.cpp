#include "frame_stacks.hpp"

#include <algorithm>

#include "tilecompile/base/parallel.hpp"

namespace tilecompile {
namespace {

constexpr int kRowsAtOnce = RowExtremes::kRows;

// Calls add(rows y0 .. y1-1) for blocks of rows, spread over threads.
template <class Add>
void for_blocks_of_rows(int height, int threads, const Add& add) {
  parallel_for((height + kRowsAtOnce - 1) / kRowsAtOnce, threads,
               [&](int block) { add(block * kRowsAtOnce, std::min(height, (block + 1) * kRowsAtOnce)); });
}

}  // namespace

FrameStacks empty_stacks(const Manifest& manifest, const MethodConfig& method) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  const MeanStack mean(manifest.width(), manifest.height(), method.reconstruction.frame_chunk);
  return {std::vector<MeanStack>(channels, mean),
          std::vector<RowExtremes>(channels, RowExtremes(manifest.height()))};
}

void add_to_stacks(FrameStacks& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, int threads) {
  for_blocks_of_rows(images.front().front().height(), threads, [&](int y0, int y1) {
    for (std::size_t c = 0; c < stacks.means.size(); ++c)
      for (std::size_t i = 0; i < images.size(); ++i) {
        const auto frame = static_cast<std::size_t>(first) + i;
        const Normalization& normalization = metrics.channels[c][frame].normalization;
        const PlaneView<float> view = images[i][c].view();
        stacks.means[c].add_rows(static_cast<int>(frame), view, normalization, y0, y1);
        stacks.extremes[c].add_rows(view, normalization, y0, y1);
      }
  });
}

std::vector<ScatterStack> empty_scatter_stacks(const Analysis& analysis, const MethodConfig& method) {
  std::vector<ScatterStack> stacks;
  for (std::size_t c = 0; c < analysis.classical.size(); ++c)
    stacks.emplace_back(analysis.classical[c], analysis.coverage[c], method.reconstruction.frame_chunk);
  return stacks;
}

void add_to_scatter_stacks(std::vector<ScatterStack>& stacks, const std::vector<Image>& images, int first,
                           const FrameMetrics& metrics, const std::vector<std::vector<FrameLevels>>& levels,
                           int threads) {
  for_blocks_of_rows(images.front().front().height(), threads, [&](int y0, int y1) {
    for (std::size_t c = 0; c < stacks.size(); ++c)
      for (std::size_t i = 0; i < images.size(); ++i) {
        const auto frame = static_cast<std::size_t>(first) + i;
        stacks[c].add_rows(static_cast<int>(frame), images[i][c].view(),
                           metrics.channels[c][frame].normalization, levels[i][c], y0, y1);
      }
  });
}

Image variance_of(const std::vector<ScatterStack>& stacks, const FrameMetrics& metrics) {
  Image variance;
  for (std::size_t c = 0; c < stacks.size(); ++c) {
    std::vector<double> noise;
    for (const FrameChannel& frame : metrics.channels[c]) noise.push_back(frame.noise);
    variance.push_back(stacks[c].variance(median(std::move(noise))));
  }
  return variance;
}

void take_stacks(Analysis& analysis, const FrameStacks& stacks) {
  analysis.classical.clear();
  analysis.coverage.clear();
  analysis.extremes = stacks.extremes;
  for (const MeanStack& stack : stacks.means) {
    analysis.classical.push_back(stack.mean());
    analysis.coverage.push_back(stack.coverage());
  }
}

}  // namespace tilecompile
