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
  FrameStacks stacks;
  for (int c = 0; c < manifest.channels(); ++c) {
    stacks.means.emplace_back(manifest.width(), manifest.height(), method.reconstruction.frame_chunk);
    stacks.extremes.emplace_back(manifest.height());
  }
  return stacks;
}

void add_to_stacks(FrameStacks& stacks, const std::vector<Image>& images, int first,
                   const FrameMetrics& metrics, const std::vector<std::vector<FrameLevels>>& levels,
                   int threads) {
  for_blocks_of_rows(images.front().front().height(), threads, [&](int y0, int y1) {
    for (std::size_t c = 0; c < images.front().size(); ++c) {
      const auto normalization = [&](std::size_t i) -> const Normalization& {
        return metrics.channels[c][static_cast<std::size_t>(first) + i].normalization;
      };
      // A row of the sums gets all frames while it is in the nearest cache.
      for (int y = y0; y < y1; ++y)
        for (std::size_t i = 0; i < images.size(); ++i) {
          const PlaneView<float> view = images[i][c].view();
          const int frame = first + static_cast<int>(i);
          if (!stacks.means.empty()) stacks.means[c].add_rows(frame, view, normalization(i), y, y + 1);
          if (!stacks.extremes.empty()) stacks.extremes[c].add_rows(view, normalization(i), y, y + 1);
          if (!stacks.scatter.empty())
            stacks.scatter[c].add_rows(frame, view, normalization(i), levels[i][c], y, y + 1);
        }
    }
  });
}

std::vector<ScatterStack> empty_scatter_stacks(const Analysis& analysis, const MethodConfig& method) {
  std::vector<ScatterStack> stacks;
  for (std::size_t c = 0; c < analysis.classical.size(); ++c)
    stacks.emplace_back(analysis.classical[c], analysis.coverage[c], method.reconstruction.frame_chunk);
  return stacks;
}

Image variance_of(const std::vector<ScatterStack>& stacks, const Analysis& analysis, int threads) {
  Image variance;
  for (std::size_t c = 0; c < stacks.size(); ++c) {
    const Plane<std::int32_t>& coverage = analysis.coverage[c];
    const double noise = median_noise(analysis.metrics.channels[c]);
    Plane<float>& plane = variance.emplace_back(coverage.width(), coverage.height());
    const auto squares = [&](int from, int to) { return stacks[c].squares(from, to); };
    for_blocks_of_rows(coverage.height(), threads,
                       [&](int y0, int y1) { scatter_variance(squares, coverage, noise, y0, y1, plane); });
  }
  return variance;
}

void take_stacks(Analysis& analysis, FrameStacks stacks, int threads) {
  analysis.classical.clear();
  analysis.coverage.clear();
  analysis.extremes = std::move(stacks.extremes);
  for (MeanStack& stack : stacks.means) {
    const int width = stack.coverage().width(), height = stack.coverage().height();
    Plane<float>& mean = analysis.classical.emplace_back(width, height);
    for_blocks_of_rows(height, threads, [&](int y0, int y1) { stack.mean_rows(y0, y1, mean); });
    analysis.coverage.push_back(stack.take_coverage());
  }
}

}  // namespace tilecompile
