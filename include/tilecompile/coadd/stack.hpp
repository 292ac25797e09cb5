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
  AverageStack(int width, int height);
  /// Throws ContractError for a frame of another shape.
  void add(const CoaddChannel& frame);
  CoaddChannel finish() const;

 private:
  Plane<double> sum_, weight_, variance_, inverse_frames_;
  Plane<std::int32_t> count_, coverage_;
};

}  // namespace tilecompile
