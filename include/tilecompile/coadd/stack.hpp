#pragma once
#include <vector>

#include "tilecompile/coadd/overlap_add.hpp"

namespace tilecompile {

/// Final stack of one channel (`methodology.md` 11, `average`): plain mean of the synthetic frames per pixel
/// over those that have a value there, summed in double in the order they are added and rounded once.
/// Coverage and weight are the sums over the synthetic frames; variance is sum v / n^2 of their variances,
/// the effective number of frames n^2 / sum (1 / n_eff).
class AverageStack {
 public:
  static constexpr std::size_t kBytesAPixel = 4 * sizeof(double) + 2 * sizeof(std::int32_t);
  AverageStack(int width, int height);
  /// Adds rows of a frame, whose first is row `y0` of the image. Throws ContractError for a frame of another
  /// shape.
  void add(const CoaddChannel& rows, int y0);
  CoaddChannel finish() const;

 private:
  Plane<double> sum_, weight_, variance_, inverse_frames_;
  Plane<std::int32_t> count_, coverage_;
};

/// One channel of a tile of the final stack (`methodology.md` 11, `weighted_average`): mean of the synthetic
/// frames' tiles weighted by their sums of weights at each pixel, in double, in the order given, rounded
/// once; NaN where none has a value. Coverage and weight are sums; variance and effective number of frames
/// are those of the mean. Equals the tile over all frames up to the rounding of the parts to float32. Throws
/// ContractError for parts of unequal shapes or none.
CoaddChannel weighted_average(const std::vector<CoaddTile>& parts);

}  // namespace tilecompile
