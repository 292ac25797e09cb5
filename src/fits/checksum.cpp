#include "checksum.hpp"

#include "tilecompile/image/encode_samples.hpp"

namespace tilecompile {

std::uint32_t fits_checksum(std::string_view bytes, std::uint32_t sum) {
  const auto* words = reinterpret_cast<const unsigned char*>(bytes.data());
  return ones_complement(std::uint64_t{sum} + sum_of_words(words, bytes.size() / 4));
}

}  // namespace tilecompile
