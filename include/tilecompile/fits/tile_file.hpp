#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// A reconstructed tile as it travels on the data plane: what the master needs to add it up and to account
/// for it. Everything outer is per channel (1 or 3 of them).
struct TileFile {
  int tile_id = 0;
  Box box;  ///< where the tile lies in the image
  Image
      pixels;  ///< R(p), NaN where no frame is valid; a plane a channel, or all channels of cluster 0, 1, ...
  std::vector<Plane<std::int32_t>> coverage;                     ///< frames per pixel
  std::vector<Plane<float>> weight;                              ///< sum of weights per pixel
  Image variance, effective_frames;                              ///< as in TileChannel
  std::vector<std::vector<double>> quality, frame_weight;        ///< Q and W, [channel][frame]; or no frames
  std::vector<std::vector<double>> rejected_low, rejected_high;  ///< pixels, [channel][frame]
  Image light_low, light_high;  ///< rejected light as in TileChannel; none without rejection
  std::string run_id, config_hash, frames_manifest_id;  ///< where it comes from; empty is allowed
};

/// FITS bytes: primary HDU the pixels (float32, shape [h, w] or [planes, h, w]) with a card for each plane of
/// a map that is one value; MAPS (float32, [planes, h, w]) the other planes of the maps, in the order
/// coverage, weight, variance, effective frames, light below, light above; FRAMES (double,
/// [table][channel][frame]) Q, W and, where any sample was rejected, the rejected pixels. What is empty is
/// left out; the cards NMAPS, NFRAMES and REJLIGHT tell. Equal tiles give equal bytes: no clock, no host; NaN
/// in one form; CHECKSUM and DATASUM in every HDU. Throws ContractError when the members' shapes do not
/// agree.
std::string encode_tile_file(const TileFile& tile);

/// Inverse of encode_tile_file. Throws InputError when anything is damaged, missing or does not agree; memory
/// is bounded by the number of bytes given.
TileFile decode_tile_file(std::string_view bytes);

}  // namespace tilecompile
