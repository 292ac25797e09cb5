#include "tilecompile/tile/synthetic_tile.hpp"

#include <memory>

#include "tile_channel.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {

std::vector<TileChannel> compute_synthetic_tile(const TileInput& input, const Clusters& clusters,
                                                const std::vector<std::vector<double>>& frame_weight) {
  const std::size_t channels = input.cutouts.size(), frames = input.frame_index.size();
  std::vector<std::unique_ptr<PreparedChannel>> prepared;
  for (std::size_t c = 0; c < channels; ++c) {
    if (frame_weight[c].size() != frames)
      throw ContractError("synthetic tile: weights and cut-outs differ in number");
    prepared.push_back(std::make_unique<PreparedChannel>(input, c, frame_weight[c]));
  }
  std::vector<TileChannel> planes;
  for (int k = 0; k < clusters.count; ++k) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < frames; ++i)
      if (clusters.of_frame[static_cast<std::size_t>(input.frame_index[i])] == k) members.push_back(i);
    for (std::size_t c = 0; c < channels; ++c) planes.push_back(prepared[c]->reconstruct(members));
  }
  return planes;
}

}  // namespace tilecompile
