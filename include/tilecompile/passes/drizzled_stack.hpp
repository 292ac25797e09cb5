#pragma once
#include <cstddef>

#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {

/// Makes the classical stack of drizzled frames, with its coverage, variance and extremes, after the frames
/// were measured on interpolated samples; as ShareStack says. Frames are read box by box, which are narrower
/// where `memory_limit_bytes` is less; neither that nor the threads change a bit. `observer` counts rows of
/// boxes.
void stack_drizzled_frames(Analysis& analysis, const FrameSource& source, const MethodConfig& method,
                           std::size_t memory_limit_bytes, int threads, Observer& observer);

/// Rows of boxes of an image.
int drizzled_block_rows(int height);

}  // namespace tilecompile
