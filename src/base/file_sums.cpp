#include "tilecompile/base/file_sums.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace tilecompile {
namespace {

static_assert(std::endian::native == std::endian::little, "words are taken as they lie in memory");
constexpr std::uint64_t kLeastBlock = 1 << 16, kMostBlocks = 256;
// Odd numbers without a pattern: the fractional parts of the square roots of 2 (made odd), 3, 5, 7.
constexpr std::array<std::uint64_t, 4> kFactors = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                                   0xa54ff53a5f1d36f1};
constexpr int kTurn = 29;

std::uint64_t word_at(const char* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// A bijection of `sum` for every word, and of the word for every sum: no change of a single word is lost. The
// shift lets the high bits of the product, which depend on most, into the next step as more than one bit.
std::uint64_t mixed(std::uint64_t sum, std::uint64_t word, std::uint64_t factor) {
  const std::uint64_t product = std::rotl(sum ^ word, kTurn) * factor;
  return product ^ (product >> 32);
}

}  // namespace

// Four chains side by side, each of every fourth word.
std::uint64_t block_sum(std::string_view bytes) {
  constexpr std::size_t kWord = sizeof(std::uint64_t), kStep = kFactors.size() * kWord;
  std::array<std::uint64_t, kFactors.size()> chains = kFactors;
  std::size_t at = 0;
  for (; at + kStep <= bytes.size(); at += kStep)
    for (std::size_t i = 0; i < chains.size(); ++i)
      chains[i] = mixed(chains[i], word_at(bytes.data() + at + i * kWord), kFactors[i]);
  std::array<char, kStep> rest{};
  std::memcpy(rest.data(), bytes.data() + at, bytes.size() - at);
  std::uint64_t sum = bytes.size();
  for (std::size_t i = 0; i < chains.size(); ++i) {
    chains[i] = mixed(chains[i], word_at(rest.data() + i * kWord), kFactors[i]);
    sum = mixed(sum, chains[i], kFactors[i]);
  }
  return sum;
}

std::uint64_t block_bytes_for(std::uint64_t file_bytes) {
  std::uint64_t block = kLeastBlock;
  while (block * kMostBlocks < file_bytes) block *= 2;
  return block;
}

std::uint64_t block_count(std::uint64_t file_bytes, std::uint64_t block_bytes) {
  return (file_bytes + block_bytes - 1) / block_bytes;
}

}  // namespace tilecompile
