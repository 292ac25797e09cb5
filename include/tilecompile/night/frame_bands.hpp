#pragma once
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// The samples of frames first..last inside one region of the image, all channels, in memory, as they go into
/// sums over frames: drizzled ones with their shares.
class FrameBand {
 public:
  /// Opens every frame once and reads whole rows. Throws what FrameSource and FrameReader throw.
  FrameBand(const FrameSource& source, const Box& region, int first_frame, int last_frame);
  const Box& region() const { return region_; }
  /// Window of `box` (inside the region) in a frame and channel.
  FrameCutout cutout(int channel, int frame, const Box& box) const;
  /// `planes` as FrameSource::planes.
  static std::size_t size_bytes(const Box& region, int planes, int frames);

 private:
  Box region_;
  int first_frame_, frames_;
  PlaneView<float> plane(int index, int frame) const;
  float* place(int plane, int frame);

  int channels_;
  bool drizzled_;
  std::unique_ptr<float[]> samples_;  // [channel, then shares of the channel][frame][y][x]
  std::vector<double> code_step_;
};

/// Keeps the bands that tiles are being cut from, so that neighbours in a row of tiles, in one task or in
/// many, are read from the frames together. One serves all runs and rounds of a process, so that its limit is
/// theirs together. Safe from several threads; a band is read by one of them while the others wait.
class BandCache {
 public:
  /// Keeps at most `most_bands` (one more than there are threads is enough), together within
  /// `memory_limit_bytes` even when all are in use. Warns once when not even single tiles fit.
  BandCache(std::size_t memory_limit_bytes, std::size_t most_bands);
  /// The band of `source` that holds `tile`. As wide as the image, or as the memory limit allows.
  std::shared_ptr<const FrameBand> get(const std::shared_ptr<const FrameSource>& source, const Box& tile,
                                       int first_frame, int last_frame);
  /// The part of an image of this width that is read for `tile`, so that `bands` of them fit in the limit:
  /// whole rows, a segment of at least two tiles, or the tile alone. Never less than the tile.
  static Box region(const Box& tile, int image_width, int planes, int frames, std::size_t memory_limit_bytes,
                    std::size_t bands);
  /// The arguments of `region` besides the tile, as a value.
  struct Shape {
    int image_width = 0, planes = 1, frames = 1;
    std::size_t memory_limit_bytes = 0, bands = 1;
    Box region(const Box& tile) const {
      return BandCache::region(tile, image_width, planes, frames, memory_limit_bytes, bands);
    }
  };

 private:
  struct Entry {
    std::shared_ptr<const FrameSource> source;
    Box region;
    int first_frame = 0, last_frame = 0;
    std::shared_ptr<const FrameBand> band;
    bool failed = false;
  };
  void make_room(std::size_t needed_bytes);
  void warn_when_too_small(std::size_t band_bytes);

  std::size_t memory_limit_bytes_, most_bands_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::list<std::shared_ptr<Entry>> entries_;  // most recently used first
  bool warned_ = false;
};

}  // namespace tilecompile
