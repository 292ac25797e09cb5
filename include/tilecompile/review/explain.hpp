#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/review/run_folders.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/pixel_story.hpp"

namespace tilecompile {

/// Which pixel of the reconstruction of a run to explain.
struct ExplainRequest {
  RunFolders folders;
  int x = 0, y = 0;  ///< column and row of the image, counted from 0, the first row of the file first
  int channel = -1;  ///< -1: all
};

/// One tile that the pixel lies in.
struct ExplainedTile {
  int tile_id = 0;
  Box box;
  TileKind kind = TileKind::kStructure;
  double window_share = 0;           ///< of the overlap-add at this pixel
  std::vector<PixelStory> channels;  ///< of those asked for
};

/// A frame of the run in one channel, and its share of the pixel over all tiles.
struct ExplainedFrame {
  int frame = 0, cluster = -1;  ///< -1: no synthetic frames were made
  std::string path;
  double fwhm_px = 0, noise = 0, background = 0, flux_scale = 1;  ///< of the whole frame; FWHM NaN: unknown
  double share = 0;
};

/// How a pixel of a run came to be.
struct ExplainedPixel {
  std::string run_id;
  int x = 0, y = 0;
  std::vector<int> channels;
  std::vector<double> output_scale;  ///< per channel asked for: input units a unit of I'
  std::vector<double> picture;       ///< per channel: the pixel of reconstruction.fits; NaN: not there
  std::vector<ExplainedTile> tiles;  ///< ascending
  std::vector<std::vector<ExplainedFrame>> frames;  ///< [channel asked for][frame]
};

/// Computes the tiles that hold the pixel once more, from the frames and with the code that a worker uses,
/// and tells what every frame brought to it. Writes nothing. Throws InputError when the run is not there, the
/// pixel or the channel lies outside the image, frames are missing (it names them) or not what they were.
ExplainedPixel explain_pixel(const ExplainRequest& request);

nlohmann::json explained_json(const ExplainedPixel& pixel);

/// Why a frame weighs at the pixel what it does, in a few words: nothing here, rejected, fading towards its
/// border, held down, ...; empty when its figures say all.
std::string reason_text(const FrameAtPixel& part, const PixelStory& story);

}  // namespace tilecompile
