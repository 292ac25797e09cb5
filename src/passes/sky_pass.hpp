#pragma once
#include <vector>

#include "tilecompile/frame/sky_samples.hpp"
#include "tilecompile/passes/analysis.hpp"

namespace tilecompile {

/// The skies of all frames against the mean of the pass before (`reconstruction.local_sky`), and the smooth
/// surface that brings each to the sky of all.
class SkyPass {
 public:
  /// `analysis` holds the mean and the frames' factors with which they took part in it. It must outlive this.
  explicit SkyPass(Analysis& analysis);

  /// Samples the sky of one frame, whose factors are known by now. Calls for different frames may run at
  /// once.
  void measure(std::size_t channel, std::size_t frame, const PlaneView<float>& plane);
  /// Fits the surfaces once all frames are measured, and keeps them in the metrics of the frames.
  void finish(int threads);

 private:
  Analysis& analysis_;
  SkyMesh mesh_;
  std::vector<std::vector<Normalization>> part_;              // [channel][frame]
  std::vector<std::vector<std::vector<SkySample>>> samples_;  // [channel][frame][cell]
};

}  // namespace tilecompile
