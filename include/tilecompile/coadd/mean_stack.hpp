#pragma once
#include <cstdint>
#include <utility>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// The classical stack of one channel: plain mean of I' over the valid frames of each pixel (`methodology.md`
/// 5), as a canonical frame sum (`methodology.md` 0.4). Rows are independent: different threads may add
/// different rows of one frame.
class MeanStack {
 public:
  static constexpr std::size_t kBytesAPixel = 2 * sizeof(double) + sizeof(std::int32_t);
  MeanStack(int width, int height, int frame_chunk);
  /// Adds rows y0 .. y1-1 of the frame with index `frame`; every row gets frames 0, 1, 2, ... in this order.
  void add_rows(int frame, const PlaneView<float>& samples, const Normalization& normalization, int y0,
                int y1);
  /// Mean (NaN where no frame is valid), rounded once to float32, after the last frame.
  Plane<float> mean() const;
  /// Rows y0 .. y1-1 of it, into those of `mean`.
  void mean_rows(int y0, int y1, Plane<float>& mean) const;
  const Plane<std::int32_t>& coverage() const { return count_; }
  /// The same, which is gone then.
  Plane<std::int32_t> take_coverage() { return std::move(count_); }

 private:
  int frame_chunk_;
  Plane<double> total_, partial_;
  Plane<std::int32_t> count_;
};

}  // namespace tilecompile
