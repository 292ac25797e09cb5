#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Writes a stretched 8-bit PNG of `image` (1 plane: grey, 3: colour) whose long side is at most
/// `long_side_px`; larger images are scaled down by averaging the valid pixels. Each channel is anchored on
/// its own robust background and noise, then stretched by asinh, so faint structure shows and bright stars
/// keep their shape. FITS rows run upwards, so the first row is drawn at the bottom. Pixels without data are
/// a dark checker pattern. The file appears whole or not at all. For the eye only: nothing else is computed
/// from it. Throws ContractError for other plane counts or no pixels, TransientError when the file system
/// refuses.
void write_preview_png(const std::filesystem::path& path, const Image& image, int long_side_px);

/// How a channel's values become grey, 0 to 1: asinh, so that faint structure shows.
struct PreviewStretch {
  double black = 0, white = 1, softness = 1;
  double operator()(double value) const;
};

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
