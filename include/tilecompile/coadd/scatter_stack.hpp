#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Edge of the squares in which the level of a frame is compared with that of the mean.
constexpr int kLevelCellPx = 64;
/// Edge of the window over which the scatter of the frames is pooled.
constexpr int kScatterWindowPx = 5;

/// How far one frame lies above the mean of all in squares of kLevelCellPx, row by row; those at the right
/// and lower edge may be smaller.
struct FrameLevels {
  int columns = 0;
  std::vector<double> level;
  double at(int x, int y) const {
    return level[static_cast<std::size_t>(y / kLevelCellPx) * static_cast<std::size_t>(columns) +
                 static_cast<std::size_t>(x / kLevelCellPx)];
  }
};

/// Levels of I' above `mean`: in each square the mean of the residuals that lie within three times `noise`
/// (sigma of the frame, of I') of their median, over every fourth row, over all rows where these hold fewer
/// than 64 valid pixels. A square without any has 0. `mean` may have another level than I'.
FrameLevels frame_levels(const PlaneView<float>& samples, const Normalization& normalization, double noise,
                         const Plane<float>& mean);

/// Variance of the plain mean as its frames scatter about it. Sums run over the frames in chunks
/// (`methodology.md` 0.4); rows are independent, as in MeanStack.
class ScatterStack {
 public:
  static constexpr std::size_t kBytesAPixel = 2 * sizeof(double);
  /// `mean` and `count` (valid frames per pixel) are those of the plain mean and outlive the stack.
  ScatterStack(const Plane<float>& mean, const Plane<std::int32_t>& count, int frame_chunk);
  /// Adds rows y0 .. y1-1 of the frame with index `frame`; every row gets frames 0, 1, 2, ... in this order.
  void add_rows(int frame, const PlaneView<float>& samples, const Normalization& normalization,
                const FrameLevels& levels, int y0, int y1);
  /// After the last frame: (sum r^2 / sum (n - 1)) / n with r = I' - mean - level, n the valid frames of the
  /// pixel, both sums over the window around it. Where no pixel of the window has two frames: noise^2 / n,
  /// `noise` that of a typical frame. NaN where n = 0.
  Plane<float> variance(double noise) const;
  /// Sum r^2 of every pixel, after the last frame.
  Plane<double> squares() const { return squares(0, total_.height()); }
  /// Rows y0 .. y1-1 of it.
  Plane<double> squares(int y0, int y1) const;

 private:
  const Plane<float>& mean_;
  const Plane<std::int32_t>& count_;
  int frame_chunk_;
  Plane<double> total_, partial_;
};

/// Sums over the window around every pixel, as far as it lies in the plane: along rows, then along columns.
Plane<double> scatter_window_sums(const Plane<double>& plane);
/// Rows y0 .. y1-1 of ScatterStack::variance, into those of `variance`. `squares_of(from, to)` gives these
/// rows of the sums of squares; `count` as there.
void scatter_variance(const std::function<Plane<double>(int from, int to)>& squares_of,
                      const Plane<std::int32_t>& count, double noise, int y0, int y1, Plane<float>& variance);

}  // namespace tilecompile
