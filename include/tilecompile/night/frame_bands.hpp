#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tilecompile/image/packed_samples.hpp"
#include "tilecompile/image/sample_block.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/night/spare_memory.hpp"
#include "tilecompile/tile/compute_tile.hpp"

namespace tilecompile {

/// What sums over frames take from a box, and the memory that it points to.
struct BoxCutouts {
  std::vector<std::vector<FrameCutout>> cutouts;  ///< [channel][frame - first_frame]
  std::vector<SampleBlock> memory;
};

/// How the samples of a band lie in memory.
struct BandShape {
  int planes = 1, frames = 1;
  bool packed = false;          ///< as 16-bit codes, of which tiles of this size are worth unpacking
  std::size_t block_bytes = 0;  ///< of a large packed tile, which is unpacked

  BandShape(const BandSamples& samples, const Box& tile, int frame_count);
  std::size_t size_bytes(const Box& region) const;
  /// What a column of a band at least two tiles wide takes at most.
  std::size_t column_bytes(const Box& tile) const;

 private:
  std::size_t samples_a_pixel() const {
    return static_cast<std::size_t>(planes) * static_cast<std::size_t>(frames);
  }
  std::size_t sample_bytes() const { return packed ? sizeof(std::uint16_t) : sizeof(float); }
};

/// The samples of some frames inside one region of the image, all channels, in memory, as they go into sums
/// over frames: drizzled ones with their shares.
class FrameBand {
 public:
  /// Takes its memory from `spare`. Opens every frame once and reads the region, but for its first
  /// `shared_rows` rows: these are to be copied or read before anything is cut. Throws what FrameSource and
  /// FrameReader throw.
  FrameBand(const FrameSource& source, const Box& region, int first_frame, const BandShape& shape,
            int shared_rows = 0, const std::shared_ptr<SpareMemory>& spare = std::make_shared<SpareMemory>());
  /// Copies the shared rows from a band of the same frames, columns and packing whose last rows they are.
  void copy_shared_rows(const FrameBand& above);
  /// Reads them. Throws the same as the constructor.
  void read_shared_rows(const FrameSource& source);
  const Box& region() const { return region_; }
  /// Bytes of those samples that were to be codes and are floats, which size_bytes of its shape does not
  /// count.
  std::size_t bytes_beside_codes() const;
  /// What lies in `box` (inside the region): copies of what is packed, else windows of the band, which has
  /// to stay.
  BoxCutouts cutouts(const Box& box) const;

 private:
  /// A plane of a frame: codes, or floats.
  struct Stored {
    std::uint16_t* codes = nullptr;  ///< of which nothing is true any more where there are floats
    float* floats = nullptr;
    PackedSamples packed{};  ///< what packing the codes has found
  };
  Box shared_box() const { return {region_.x0, region_.y0, region_.w, shared_rows_}; }
  void read(const FrameSource& source, const Box& rows);
  void read(OpenFrame& frame, const Box& rows, const std::vector<float*>& planes) const;
  bool read_codes(OpenFrame& frame, int channel, const Box& rows, Stored& plane);
  void put(Stored& plane, const Box& rows, const float* samples);
  void put_codes(Stored& plane, const Box& rows, const std::uint16_t* codes, const PackedSamples& packed);
  PlaneView<float> floats_of(int plane, int frame, const Box& box) const;
  /// Fills `block` with the floats of those frames that are codes; returns how many are valid, [frame].
  std::vector<std::size_t> unpack(int plane, const Box& box, SampleBlock& block) const;
  std::ptrdiff_t place_of(const Box& box) const;
  std::size_t index(int plane, int frame) const {
    return static_cast<std::size_t>(plane) * static_cast<std::size_t>(shape_.frames) +
           static_cast<std::size_t>(frame);
  }

  Box region_;
  BandShape shape_;
  int first_frame_, shared_rows_, channels_;
  bool drizzled_;
  std::shared_ptr<LargeMemory> memory_;  // [plane: channels, then their shares][frame][y][x]
  std::vector<std::unique_ptr<float[]>> not_packed_;
  std::vector<Stored> stored_;  // [plane][frame]
  std::vector<double> code_step_;
};

/// Keeps the bands that tiles are being cut from, so that neighbours in a row of tiles, in one task or in
/// many, are read from the frames together. One serves all runs and rounds of a process, so that its limit is
/// theirs together. Safe from several threads; a band is read by one of them while the others wait.
class BandCache {
 public:
  /// So many there is always room for: one that tiles are cut from, and the next.
  static constexpr std::size_t kLeastBands = 2;
  /// Of a band and a tile cut from it, so that many frames make narrow bands, not large ones.
  static constexpr std::size_t kLargestBandBytes = std::size_t{96} << 20;
  /// Keeps at most `most_bands` (as many as there are threads is enough), or two where the second begins with
  /// rows of the first, together within `memory_limit_bytes` even when all are in use. Warns once when not
  /// even single tiles fit.
  BandCache(std::size_t memory_limit_bytes, std::size_t most_bands,
            std::size_t largest_band_bytes = kLargestBandBytes);
  /// The band of `source` that holds `tile`. As wide as the image, or as the memory limit allows. Rows that
  /// it shares with the band above are copied from there, if that is kept or being read and stays until the
  /// other rows have been read.
  std::shared_ptr<const FrameBand> get(const std::shared_ptr<const FrameSource>& source, const Box& tile,
                                       int first_frame, int last_frame);
  /// Forgets all bands but those that are being read.
  void clear();
  /// The part of an image of this width that is read for `tile`, so that `bands` of them fit in the limit:
  /// whole rows, a segment of at least two tiles, or the tile alone; never less than the tile, and not above
  /// `largest_bytes` where that is enough for two tiles.
  static Box region(const Box& tile, int image_width, const BandShape& shape, std::size_t memory_limit_bytes,
                    std::size_t bands, std::size_t largest_bytes = kLargestBandBytes);
  /// The arguments of `region` besides the tile, as a value.
  struct Shape {
    int image_width = 0, frames = 1;
    BandSamples samples;
    std::size_t memory_limit_bytes = 0, bands = 1;
    Box region(const Box& tile) const {
      return BandCache::region(tile, image_width, BandShape(samples, tile, frames), memory_limit_bytes,
                               bands);
    }
  };

 private:
  struct Entry {
    std::shared_ptr<const FrameSource> source;
    Box region;
    int first_frame = 0, last_frame = 0;
    BandShape shape;
    std::shared_ptr<const FrameBand> band{};
    bool failed = false;
    int threads = 0;  ///< whose latest tile lies in the band
    std::size_t bytes() const { return shape.size_bytes(region) + (band ? band->bytes_beside_codes() : 0); }
    bool reaches_into(const Entry& below) const;
  };
  void move_thread_to(const std::shared_ptr<Entry>& entry);
  std::shared_ptr<Entry> find_above(const Entry& wanted) const;
  std::shared_ptr<const FrameBand> read_band(const Entry& wanted, const std::weak_ptr<Entry>& above,
                                             int shared_rows);
  void make_room(std::size_t needed_bytes, std::size_t limit_bytes, std::size_t most_bands);
  void warn_when_too_small(std::size_t band_bytes, std::size_t limit_bytes);

  std::size_t memory_limit_bytes_, most_bands_, largest_band_bytes_;
  std::shared_ptr<SpareMemory> spare_ = std::make_shared<SpareMemory>();
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::list<std::shared_ptr<Entry>> entries_;               // most recently used first
  std::map<std::thread::id, std::weak_ptr<Entry>> latest_;  // entry of a thread's latest tile
  bool warned_ = false;
};

}  // namespace tilecompile
