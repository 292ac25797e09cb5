#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/coadd/row_extremes.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/tile/frame_sum.hpp"

namespace tilecompile {

/// The classical stack of one channel of drizzled frames: sum m I' / sum m with the shares m, in canonical
/// order (`methodology.md` 0.4), box by box of all frames. Boxes begin where the squares of FrameLevels and
/// the bands of RowExtremes do; no bit depends on how wide they are. Different threads may add different rows
/// of boxes.
class ShareStack {
 public:
  ShareStack(int width, int height, int frame_chunk);
  /// Adds all frames in `box`, at most RowExtremes::kRows high.
  void add(const std::vector<WeightedCutout>& cutouts, const Box& box);
  const Plane<float>& mean() const { return mean_; }
  const Plane<std::int32_t>& coverage() const { return coverage_; }  ///< frames with a sample
  const RowExtremes& extremes() const { return extremes_; }
  /// s^2 sum m^2 / (sum m)^2 with s^2 = sum m r^2 / sum (sum m - sum m^2 / sum m), both over the window
  /// around the pixel, r as in ScatterStack; where no pixel of the window has two frames s is `noise`.
  Plane<float> variance(double noise) const;

 private:
  struct PixelScatter {
    double squares = 0, shares = 0, shares2 = 0;  ///< sum m r^2, sum m, sum m^2
  };
  PixelScatter scatter_at(const std::vector<WeightedCutout>& cutouts, const std::vector<FrameLevels>& levels,
                          float mean, int x, int y) const;

  int frame_chunk_;
  Plane<float> mean_;
  Plane<std::int32_t> coverage_;
  RowExtremes extremes_;
  Plane<double> squares_, freedom_, factor_;
};

}  // namespace tilecompile
