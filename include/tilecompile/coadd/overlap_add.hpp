#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilecompile/coadd/tile_scale.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/tile/grid.hpp"

namespace tilecompile {

/// One channel of a tile as the overlap-add takes it.
struct CoaddTile {
  const Plane<float>* pixels = nullptr;
  const Plane<std::int32_t>* coverage = nullptr;
  const Plane<float>* weight = nullptr;
  const Plane<float>* variance = nullptr;
  const Plane<float>* effective_frames = nullptr;
  const Plane<float>* light_low = nullptr;  ///< rejected light; none without rejection
  const Plane<float>* light_high = nullptr;
};

/// One channel of the joined image.
struct CoaddChannel {
  static constexpr std::size_t kBytesAPixel = 6 * sizeof(float) + sizeof(std::int32_t);
  Plane<float> pixels;            ///< NaN where no tile has a value
  Plane<std::int32_t> coverage;   ///< frames per pixel
  Plane<float> weight;            ///< windowed mean of the tiles' sums of weights
  Plane<float> variance;          ///< windowed mean of the tiles' variances; NaN where no tile has a value
  Plane<float> effective_frames;  ///< windowed mean of the tiles' effective numbers of frames
  Plane<float> light_low{};       ///< windowed mean of the tiles' rejected light, below; empty without
  Plane<float> light_high{};      ///< the same above
};

/// The windowed overlap-add of one channel (`methodology.md` 10): separable Hann windows, the outer half 1 on
/// a side at the image's edge; numerator and window sum in double, tiles in ascending tile_id. Tiles come row
/// by row, so sums are kept for the rows of one row of tiles, and the image is given away as it gets ready.
class OverlapRows {
 public:
  explicit OverlapRows(const Grid& grid);
  /// Adds the next tile; tiles must come in ascending tile_id, and may be left out (a hole). Rows above the
  /// tile must have been completed. Throws ContractError otherwise.
  void add(int tile_id, const CoaddTile& tile, const TileScale& scale);
  /// Rows above this one are completed.
  int completed() const { return first_row_; }
  /// Numerator / window sum of the next rows, up to `end`, rounded once to float32, into the rows of `into`
  /// from `at` on. Light has planes there when a tile so far had some.
  void complete(int end, CoaddChannel& into, int at);
  /// For another picture, once all rows are completed: the memory is used again.
  void begin_again() { next_tile_ = first_row_ = 0; }
  bool has_light() const { return !light_low_.empty(); }
  /// Memory that one channel of a grid takes.
  static std::size_t size_bytes(const Grid& grid);

 private:
  void add_light(int y, const CoaddTile& tile, const Box& box, double scale, double down,
                 const double* across);
  void add_row(int y, const CoaddTile& tile, const Box& box, const TileScale& scale, double down,
               const double* across);

  enum Sum { kValue, kValueWindow, kVariance, kWeight, kWeightWindow, kEffectiveFrames, kSums };
  // Of row y of the image, which takes the place of row y - rows_.
  double* sum(Sum which, int y) { return sums_.row(which * rows_ + y % rows_); }

  const Grid* grid_;
  int rows_, next_tile_ = 0, first_row_ = 0;
  Plane<double> sums_;  // in one piece, which lies in large pages
  Plane<std::int32_t> coverage_;
  Plane<double> light_low_, light_high_;  // empty until a tile has some
  std::vector<double> window_[2][2];      // [at start][at end] of an axis
};

/// The overlap-add of one channel into a whole image. One object a channel.
class OverlapAdd {
 public:
  /// Bytes a pixel of the image, beside the sums.
  static constexpr std::size_t kBytesAPixel = CoaddChannel::kBytesAPixel;

  explicit OverlapAdd(const Grid& grid);
  /// As OverlapRows::add; what lies above the tile is rounded then.
  void add(int tile_id, const CoaddTile& tile, const TileScale& scale);
  /// The image. Once, after the last tile.
  CoaddChannel finish();

 private:
  const Grid* grid_;
  OverlapRows rows_;
  CoaddChannel result_;
};

/// A channel without a value anywhere.
CoaddChannel empty_channel(int width, int height);

/// Window of one axis: Hann of length `size`, outer half 1 where `at_start` / `at_end` of the image.
std::vector<double> axis_window(int size, bool at_start, bool at_end);

}  // namespace tilecompile
