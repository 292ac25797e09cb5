#include "checksum.hpp"

#include <bit>
#include <cstring>

namespace tilecompile {

std::uint32_t fits_checksum(std::string_view bytes, std::uint32_t sum) {
  std::uint64_t total = sum;  // does not overflow below 16 GiB
  for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof word);
    if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap32(word);
    total += word;
  }
  while ((total >> 32) != 0) total = (total & 0xffffffff) + (total >> 32);
  return static_cast<std::uint32_t>(total);
}

}  // namespace tilecompile
