#pragma once
#include <cstddef>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// Rows of the picture in which the stars of the proof are found: per pixel the median of I - B over at most
/// 31 frames spread evenly, which bad frames do not bend while they are fewer than half; on the reference
/// channel, NaN where fewer than a third of these frames are valid. `band` is as wide as the frames. Read in
/// bands within `memory_bytes`; neither these nor the threads change a bit. Frames whose unpacked files take
/// more than their share of `held_bytes` are opened anew for each. Throws InputError when a frame cannot be
/// read.
Plane<float> proof_median_rows(const FrameSource& frames, const FrameMetrics& metrics, const Box& band,
                               std::size_t memory_bytes, std::size_t held_bytes, int threads,
                               Observer& observer = nobody());

/// Memory that the samples of this median take: at most a quarter of the limit, and 64 MiB where rows of the
/// frames can be read by themselves (`by_rows`), as they cannot of packed or raw ones.
std::size_t median_bytes(const Manifest& manifest, bool by_rows, std::size_t memory_limit_bytes);

}  // namespace tilecompile
