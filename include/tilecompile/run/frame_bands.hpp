#pragma once
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "tilecompile/run/frame_source.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// The samples of frames first..last inside one region of the image, all channels, in memory.
class FrameBand {
 public:
  /// Opens every frame once and reads whole rows. Throws what FrameSource and FrameReader throw.
  FrameBand(const FrameSource& source, const Box& region, int first_frame, int last_frame);
  const Box& region() const { return region_; }
  /// Window of `box` (inside the region) in a frame and channel.
  FrameCutout cutout(int channel, int frame, const Box& box) const;
  static std::size_t size_bytes(const Box& region, int channels, int frames);

 private:
  Box region_;
  int first_frame_, frames_;
  std::unique_ptr<float[]> samples_;  // [channel][frame][y][x]
  std::vector<double> code_step_;
};

/// Keeps the bands that tiles are being cut from, so that neighbours in a row of tiles, in one task or in
/// many, are read from the frames together. Safe from several threads; a band is read by one of them while
/// the others wait.
class BandCache {
 public:
  /// Keeps at most `most_bands` (one more than there are threads is enough), together within
  /// `memory_limit_bytes` even when all are in use.
  BandCache(std::shared_ptr<const FrameSource> source, std::size_t memory_limit_bytes,
            std::size_t most_bands);
  /// The band that holds `tile`. As wide as the image, or as the memory limit allows.
  std::shared_ptr<const FrameBand> get(const Box& tile, int first_frame, int last_frame);
  /// The part of an image of this width that is read for `tile`, so that `bands` of them fit in the limit.
  /// Never less than the tile.
  static Box region(const Box& tile, int image_width, int channels, int frames,
                    std::size_t memory_limit_bytes, std::size_t bands);
  /// The arguments of `region` besides the tile, as a value.
  struct Shape {
    int image_width = 0, channels = 1, frames = 1;
    std::size_t memory_limit_bytes = 0, bands = 1;
    Box region(const Box& tile) const {
      return BandCache::region(tile, image_width, channels, frames, memory_limit_bytes, bands);
    }
  };

 private:
  struct Entry {
    Box region;
    int first_frame = 0, last_frame = 0;
    std::shared_ptr<const FrameBand> band;
    bool failed = false;
  };
  void make_room(std::size_t needed_bytes);

  std::shared_ptr<const FrameSource> source_;
  std::size_t memory_limit_bytes_, most_bands_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::list<std::shared_ptr<Entry>> entries_;  // most recently used first
};

}  // namespace tilecompile
