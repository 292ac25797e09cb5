#pragma once
#include <cstddef>

#include "tilecompile/night/analysis.hpp"

namespace tilecompile {

/// Makes the classical stack of drizzled frames, with its coverage, its variance and the extremes, after the
/// frames were measured on interpolated samples: sum m I' / sum m with the shares m, in canonical order
/// (`methodology.md` 0.4). Its variance is s^2 sum m^2 / (sum m)^2 with s^2 = sum m r^2 over the sum of
/// sum m - sum m^2 / sum m, both over the window around the pixel; r as in ScatterStack. Frames are read
/// block by block, which are narrower where `memory_limit_bytes` is less; no bit depends on them or on the
/// threads. `observer` counts rows of blocks.
void stack_drizzled_frames(Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                           std::size_t memory_limit_bytes, int threads, Observer& observer);

/// Rows of blocks of an image.
int drizzled_block_rows(int height);

}  // namespace tilecompile
