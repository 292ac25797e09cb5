#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Everything that was measured of the tiles of a run (`tile_metrics.fits`).
struct TileMetricsFile {
  struct Tile {
    int tile_id = 0;
    Box box;
    std::string kind;                                                      ///< "STAR" or "STRUCTURE"
    std::vector<double> sum_weights, n_eff, tile_background, tile_median;  ///< per channel
    std::vector<bool> fallback_used;                                       ///< per channel
    std::vector<double> scale, offset;  ///< per channel: applied at overlap-add
  };
  int channels = 0, frames = 0;
  std::vector<Tile> tiles;
  std::vector<double> quality;  ///< Q, [channel][tile][frame], frame fastest
  std::vector<double> weight;   ///< W, the same shape
};

/// Writes image extensions QUALITY and WEIGHT (double, [channel][tile][frame]) and a table TILES, with the
/// cards and HISTORY of `header` in the primary HDU; no clock; whole or not at all. Throws ContractError when
/// shapes do not agree, TransientError when the file system refuses.
void write_tile_metrics(const std::filesystem::path& path, const TileMetricsFile& metrics,
                        const ProductHeader& header);

/// Called with the weights of all frames in a tile, tile by tile.
using TakeTileWeights = std::function<void(const std::vector<double>& weight)>;

/// Reads WEIGHT of `channel`: gives every tile's weights to `take`, and returns its effective frames,
/// (sum W)^2 / sum W^2. One tile at a time is in memory. Throws InputError naming the file when it is
/// damaged.
std::vector<double> read_tile_weights(const std::filesystem::path& path, int channel,
                                      const TakeTileWeights& take);

}  // namespace tilecompile
