#include "tilecompile/passes/drizzled_stack.hpp"

#include <algorithm>
#include <atomic>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/share_stack.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/night/frame_bands.hpp"

namespace tilecompile {
namespace {

// Where boxes of a ShareStack may begin.
constexpr int kBlockStepPx = kLevelCellPx;
static_assert(kLevelCellPx == RowExtremes::kRows);

std::vector<WeightedCutout> plain_cutouts(const std::vector<FrameCutout>& all,
                                          const std::vector<FrameChannel>& frames) {
  std::vector<WeightedCutout> cutouts;
  for (std::size_t f = 0; f < frames.size(); ++f) {
    WeightedCutout& weighted = cutouts.emplace_back();
    weighted.samples = all[f].samples;
    weighted.shares = all[f].shares;
    weighted.normalization = frames[f].normalization;
    weighted.noise = frames[f].noise;
  }
  return cutouts;
}

void take(const ShareStack& stack, const std::vector<FrameChannel>& frames, std::size_t channel,
          Analysis& analysis) {
  analysis.classical[channel] = stack.mean();
  analysis.coverage[channel] = stack.coverage();
  analysis.variance[channel] = stack.variance(median_noise(frames));
  analysis.extremes[channel] = stack.extremes();
}

// As many cells side by side as every thread may hold.
int block_columns(const FrameSource& source, std::size_t memory_limit_bytes, int threads) {
  const auto frames = static_cast<int>(source.manifest().frames.size());
  const Box block{0, 0, kBlockStepPx, kBlockStepPx};
  const std::size_t cell = BandShape(source.band_samples(), block, frames).size_bytes(block);
  const std::size_t cells = memory_limit_bytes / static_cast<std::size_t>(std::max(1, threads)) / cell;
  const int most = (source.manifest().width() + kBlockStepPx - 1) / kBlockStepPx;
  return kBlockStepPx * static_cast<int>(std::clamp<std::size_t>(cells, 1, static_cast<std::size_t>(most)));
}

}  // namespace

int drizzled_block_rows(int height) { return (height + kBlockStepPx - 1) / kBlockStepPx; }

void stack_drizzled_frames(Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                           std::size_t memory_limit_bytes, int threads, Observer& observer) {
  const int width = analysis.metrics.image_width, height = analysis.metrics.image_height;
  const int columns = block_columns(source, memory_limit_bytes, threads);
  const auto& channels = analysis.metrics.channels;
  std::vector<ShareStack> stacks(channels.size(),
                                 ShareStack(width, height, method.reconstruction.frame_chunk));
  std::atomic<int> done{0};
  parallel_for(drizzled_block_rows(height), threads, [&](int row) {
    const int y0 = row * kBlockStepPx;
    for (int x0 = 0; x0 < width; x0 += columns) {
      observer.check_stop();
      const Box box{x0, y0, std::min(columns, width - x0), std::min(kBlockStepPx, height - y0)};
      const FrameBand band(source, box, 0,
                           BandShape(source.band_samples(), box, analysis.metrics.frame_count()));
      const BoxCutouts cut = band.cutouts(box);
      for (std::size_t c = 0; c < stacks.size(); ++c)
        stacks[c].add(plain_cutouts(cut.cutouts[c], channels[c]), box);
    }
    observer.progress(++done);
  });
  for (std::size_t c = 0; c < stacks.size(); ++c) take(stacks[c], channels[c], c, analysis);
}

}  // namespace tilecompile
