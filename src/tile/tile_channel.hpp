#pragma once
#include <vector>

#include "rejection.hpp"
#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/pixel_story.hpp"

namespace tilecompile {

/// Throws ContractError unless every cut-out has the shape of the tile.
void check_shapes(const TileInput& input);

/// What the frames weigh in one channel of a tile.
struct ChannelWeights {
  std::vector<double> quality, weight;  ///< [i] Q and W of every cut-out
  int measured_frames = 0;              ///< frames with a measurement of their own
};
ChannelWeights weigh_channel(const TileInput& input, std::size_t channel);

/// What the cut-outs of a channel point to, one a frame; an empty plane stands for none.
struct CutoutPlanes {
  std::vector<Plane<float>> ramps;  ///< of the frames' borders
  SampleBlock levelled;             ///< samples without the frames' own skies
};

/// The cut-outs of one channel with the factors, the noise and the edge ramps of their frames, and with their
/// skies levelled where the parameters ask for it. `frame_weight` is W of every cut-out; `planes` holds what
/// the result points to.
std::vector<WeightedCutout> weighted_cutouts(const TileInput& input, std::size_t channel,
                                             const std::vector<double>& frame_weight, CutoutPlanes& planes);

/// A reconstructed channel from its mean: sum of weights, clipped median and median (`methodology.md` 9.1,
/// 9.2). No pixel is rejected; `quality` is left empty.
TileChannel finish_channel(WeightedMean mean, std::vector<double> frame_weight, int frame_chunk);

/// One channel of a tile, ready to be summed: everything that is decided by all of its frames together.
class PreparedChannel {
 public:
  /// `frame_weight` is W of every cut-out. Lays the edge ramps, levels the frames' skies, rejects pixels and
  /// finds the shares of the noise guard, each as the parameters ask (`methodology.md` 9.3, 9.5); measures
  /// the frames' noise in the tile, which the variance is propagated from.
  PreparedChannel(const TileInput& input, std::size_t channel, const std::vector<double>& frame_weight);
  PreparedChannel(const PreparedChannel&) = delete;
  PreparedChannel& operator=(const PreparedChannel&) = delete;

  /// The reconstructed channel over the cut-outs `members` (ascending): weighted mean, sum of weights,
  /// clipped median and median (`methodology.md` 9.1, 9.2), rejected pixels. `quality` is left empty.
  TileChannel reconstruct(const std::vector<std::size_t>& members) const;
  /// The same over all cut-outs.
  TileChannel reconstruct() const;
  /// The pixel (x, y) over all cut-outs: its value, and what every frame brings to the sums there. What is
  /// known of the frames beforehand is left empty.
  PixelStory tell(int x, int y) const;

 private:
  PixelMix mix() const;
  WeightedMean mean_of(const std::vector<WeightedCutout>& cutouts) const;
  void guard_noise(double seeing_px);
  const Plane<std::uint8_t>* plain() const;

  Box box_;
  const ReconstructionParams& params_;
  CutoutPlanes planes_;
  std::vector<WeightedCutout> cutouts_;
  Rejection rejection_;
  Plane<double> quiet_share_, sharp_share_, light_left_out_;  // empty without a noise guard
};

}  // namespace tilecompile
