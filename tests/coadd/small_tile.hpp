#pragma once
#include <limits>

#include "tilecompile/coadd/tile_diagnostics.hpp"

namespace tilecompile {

/// Four frames in a tile of 5 x 2 px; the first column is covered by no frame, the second by two.
struct SmallTile {
  FrameMetrics metrics;
  TileInput input;
  TileResult result;

  SmallTile() {
    input.box = {10, 20, 5, 2};
    input.frame_index = {0, 1, 2, 3};
    input.local.clamp = {-3, 3};
    TileChannel c;
    c.pixels = Plane<float>(5, 2, 1.0f);
    c.coverage = Plane<std::int32_t>(5, 2, 4);
    for (int y = 0; y < 2; ++y) {
      c.coverage.at(0, y) = 0;
      c.coverage.at(1, y) = 2;
      c.pixels.at(0, y) = std::numeric_limits<float>::quiet_NaN();
    }
    c.quality = {-3, 3, 0.1, -7};
    c.frame_weight = {4, 1, 3, 2};
    c.measured_frames = 3;
    c.background = 1;
    c.median = -0.25;
    c.fallback_used = true;
    result.kind = TileKind::kStar;
    result.star_count = 5;
    result.channels = {c};
  }
};

}  // namespace tilecompile
