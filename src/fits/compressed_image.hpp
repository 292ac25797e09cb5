#pragma once
#include <array>
#include <filesystem>
#include <string>

#include "cfitsio_file.hpp"

namespace tilecompile {

/// "650 x 500 x 3".
std::string shape_text(int naxis, const std::array<LONGLONG, 3>& axes);

/// Checks the tile-compressed image of the current HDU before anything of it is decompressed: that its size
/// is plausible for its bytes, and, for the methods whose decoders believe what the stream says, the streams.
/// Throws InputError naming `path`.
void check_compressed_image(fitsfile* file, const std::filesystem::path& path, int naxis,
                            const std::array<LONGLONG, 3>& axes);

}  // namespace tilecompile
