#include "tilecompile/tile/synthetic_tile.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/tile/tile_channel.hpp"

namespace tilecompile {

std::vector<TileChannel> compute_synthetic_tile(const TileInput& input, const Clusters& clusters,
                                                const std::vector<std::vector<double>>& frame_weight) {
  std::vector<TileChannel> planes;
  for (int k = 0; k < clusters.count; ++k)
    for (std::size_t c = 0; c < input.cutouts.size(); ++c) {
      if (frame_weight[c].size() != input.cutouts[c].size())
        throw ContractError("synthetic tile: weights and cut-outs differ in number");
      std::vector<WeightedCutout> cutouts;
      for (std::size_t i = 0; i < input.cutouts[c].size(); ++i) {
        const auto f = static_cast<std::size_t>(input.frame_index[i]);
        if (clusters.of_frame[f] != k) continue;
        cutouts.push_back(
            {input.cutouts[c][i].samples, input.metrics->channels[c][f].normalization, frame_weight[c][i]});
      }
      planes.push_back(reconstruct_channel(cutouts, input.box, input.reconstruction.frame_chunk));
    }
  return planes;
}

}  // namespace tilecompile
