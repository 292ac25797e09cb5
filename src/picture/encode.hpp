#pragma once
#include <string>

#include "drawing.hpp"

namespace tilecompile {

/// The bytes of an 8-bit PNG. All of these throw ContractError when their library refuses.
std::string encode_png(const Drawing& drawing);
/// The bytes of a JPEG of quality 92 without subsampled colours.
std::string encode_jpeg(const Drawing& drawing);
/// The bytes of a 16-bit TIFF, deflated.
std::string encode_tiff(const Drawing& drawing);

}  // namespace tilecompile
