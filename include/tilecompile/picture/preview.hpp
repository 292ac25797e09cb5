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

/// The bytes of such PNGs at their full size, all stretched as the first one of `images`, so that they can be
/// compared by eye. Throws ContractError for other plane counts, no pixels or unequal shapes.
std::vector<std::string> preview_pngs(const std::vector<Image>& images);

}  // namespace tilecompile
