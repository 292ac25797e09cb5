#pragma once
#include <cstdint>
#include <string_view>

namespace tilecompile {

/// The checksum of the FITS standard (4.4.2.7): ones' complement sum of the big-endian 32-bit words of
/// `bytes`, a multiple of 4 of them, and of `sum`, that of what lies before.
std::uint32_t fits_checksum(std::string_view bytes, std::uint32_t sum = 0);

}  // namespace tilecompile
