#pragma once
#include <array>
#include <filesystem>
#include <string>

#include "cfitsio_file.hpp"

namespace tilecompile {

/// "650 x 500 x 3".
std::string shape_text(int naxis, const std::array<LONGLONG, 3>& axes);

/// Checks that the size the current tile-compressed HDU claims is plausible for its bytes, from its header
/// alone. Throws InputError naming `path`.
void check_compressed_size(fitsfile* file, const std::filesystem::path& path, int naxis,
                           const std::array<LONGLONG, 3>& axes);
/// Checks the compressed bytes before they are decompressed: cfitsio's decoders read or write out of bounds,
/// or never end, on damaged streams. DATASUM where there is one, and gzip and HCOMPRESS streams one by one.
/// Reads the whole table. Throws InputError naming `path`.
void check_compressed_data(fitsfile* file, const std::filesystem::path& path, int naxis,
                           const std::array<LONGLONG, 3>& axes);

}  // namespace tilecompile
