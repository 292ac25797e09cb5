#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// How a channel's values become grey: a midtones transfer function, as astronomers know it from their
/// screens. 0 at `black`, 1 at `white`; `midtone` (of the range between) becomes one half.
struct PreviewStretch {
  double black = 0, white = 1, midtone = 0.5;
  double operator()(double value) const;
};

/// A ring around a place of the image: centre in px, counted from 0 at the centre of the first pixel.
struct PictureMark {
  double x = 0, y = 0, radius_px = 8;
};

/// How a picture is drawn.
struct PictureStyle {
  int long_side_px =
      0;                ///< larger images are scaled down by averaging the valid pixels; 0: as large as it is
  bool linked = false;  ///< one stretch for all channels, which keeps the colours as they are
  int grid_step_px = 0;  ///< lines every so many pixels of the image, with their numbers; 0: none
  std::vector<PictureMark> marks{};
};

/// Writes stretched pictures of `image` (1 plane: grey, 3: colour); the ending of each file says which kind:
/// .png, .jpg or .jpeg with 8 bits a sample, .tif or .tiff with 16. The background of each channel becomes a
/// dark grey and black lies 2.8 of its robust sigma below, so faint structure shows. FITS rows run upwards,
/// so the first row is drawn at the bottom. Pixels without data are a dark checker pattern. Each file appears
/// whole or not at all; up to `threads` at once. For the eye only: nothing else is computed from them. Throws
/// UsageError for other endings, ContractError for other plane counts or no pixels, TransientError when the
/// file system refuses.
void write_pictures(const std::vector<std::filesystem::path>& files, const Image& image,
                    const PictureStyle& style = {}, int threads = 1);

/// Draws images under the stretch of one of them, so that they can be compared by eye.
class PreviewPen {
 public:
  /// Throws ContractError for other plane counts than 1 and 3, no pixels or unequal shapes.
  explicit PreviewPen(const Image& like);
  /// The bytes of a PNG of `image` at its full size. Throws ContractError as above, and for another number of
  /// planes.
  std::string png(const Image& image) const;

 private:
  std::vector<PreviewStretch> stretches_;  // [channel]
};

/// The bytes of such PNGs at their full size, all stretched as the first one of `images`, so that they can be
/// compared by eye. Throws ContractError for other plane counts, no pixels or unequal shapes.
std::vector<std::string> preview_pngs(const std::vector<Image>& images);

}  // namespace tilecompile
