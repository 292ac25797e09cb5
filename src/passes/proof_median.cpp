#include "tilecompile/passes/proof_median.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "spread_frames.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/median_stack.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {
namespace {

constexpr int kMostMedianFrames = 31;    // odd: the middle one of so many is a sample of a single frame
constexpr std::size_t kMemoryShare = 4;  // of the memory limit, for the band of the median
constexpr std::size_t kMedianBandBytes = std::size_t{64} << 20;
constexpr std::size_t kPixelsAtOnce = 4096;
constexpr double kLeastCoverage = 1.0 / 3;  // of the frames of the median, at a pixel

}  // namespace

Plane<float> proof_median_rows(const FrameSource& source, const FrameMetrics& metrics, const Box& band,
                               std::size_t memory_bytes, std::size_t held_bytes, int threads,
                               Observer& observer) {
  const auto width = static_cast<std::size_t>(band.w), height = static_cast<std::size_t>(band.h);
  const int channel = reference_channel(source.manifest().channels());
  const std::vector<int> frames =
      spread_over(static_cast<int>(source.manifest().frames.size()), kMostMedianFrames);
  std::vector<double> offsets;
  for (const int f : frames)
    offsets.push_back(
        metrics.channels[static_cast<std::size_t>(channel)][static_cast<std::size_t>(f)].background);
  const auto least = static_cast<std::size_t>(std::ceil(kLeastCoverage * static_cast<double>(frames.size())));
  const std::size_t row_bytes = frames.size() * width * sizeof(float);
  const std::size_t rows = std::clamp<std::size_t>(memory_bytes / row_bytes, 1, height);
  const auto samples = std::make_unique_for_overwrite<float[]>(frames.size() * rows * width);
  // Kept while there are more rows to come, but for those that hold an unpacked file too large to keep.
  std::vector<std::optional<OpenFrame>> readers(frames.size());
  const std::size_t most_held = held_bytes / frames.size();
  Plane<float> stack(band.w, band.h);
  for (std::size_t first = 0; first < height; first += rows) {
    const std::size_t here = std::min(rows, height - first), pixels = here * width;
    parallel_for(static_cast<int>(frames.size()), threads, [&](int i) {
      observer.check_stop();
      const auto k = static_cast<std::size_t>(i);
      if (!readers[k]) readers[k].emplace(source.open(frames[k]));
      readers[k]->read_rows(channel, band.y0 + static_cast<int>(first), static_cast<int>(here),
                            samples.get() + k * pixels);
      if (first + here == height || readers[k]->held_bytes() > most_held) readers[k].reset();
    });
    float* out = stack.row(static_cast<int>(first));
    parallel_for(static_cast<int>((pixels + kPixelsAtOnce - 1) / kPixelsAtOnce), threads, [&](int b) {
      observer.check_stop();
      const std::size_t begin = static_cast<std::size_t>(b) * kPixelsAtOnce;
      median_over_frames(samples.get(), pixels, offsets, least, begin,
                         std::min(pixels, begin + kPixelsAtOnce), out);
    });
  }
  return stack;
}

std::size_t median_bytes(const Manifest& manifest, bool by_rows, std::size_t memory_limit_bytes) {
  const std::size_t share = memory_limit_bytes / kMemoryShare;
  const std::size_t whole = std::min<std::size_t>(manifest.frames.size(), kMostMedianFrames) *
                            static_cast<std::size_t>(manifest.width()) *
                            static_cast<std::size_t>(manifest.height()) * sizeof(float);
  return std::min(whole, by_rows ? std::min(share, kMedianBandBytes) : share);
}

Plane<float> LocalPasses::proof_median(const FrameMetrics& metrics, std::size_t memory_limit_bytes) {
  const Manifest& manifest = source_.manifest();
  const bool by_rows = manifest.registration.empty() && !source_.band_samples().packed;
  return proof_median_rows(source_, metrics, {0, 0, manifest.width(), manifest.height()},
                           median_bytes(manifest, by_rows, memory_limit_bytes),
                           memory_limit_bytes / kMemoryShare, threads_, observer_);
}

}  // namespace tilecompile
