#include "tilecompile/image/encode_samples.hpp"

#include <bit>
#include <cstring>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

[[gnu::always_inline]] inline std::uint32_t file_word(std::uint32_t bits) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(bits) : bits;
}

[[gnu::always_inline]] inline std::uint32_t bits_of(std::int32_t value) {
  return static_cast<std::uint32_t>(value);
}
// On the bits: compilers turn integer comparisons and selections into vector code.
[[gnu::always_inline]] inline std::uint32_t bits_of(float value) {
  constexpr std::uint32_t kInfinity = 0x7f800000, kQuietNan = 0x7fc00000;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x7fffffff) > kInfinity ? kQuietNan : bits;
}

template <class T>
[[gnu::always_inline]] inline void write_words(const T* samples, std::size_t n, unsigned char* __restrict out,
                                               std::uint64_t& sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = bits_of(samples[i]), word = file_word(bits);
    total += bits;
    std::memcpy(out + i * sizeof word, &word, sizeof word);
  }
  sum = total;
}

TILECOMPILE_VECTOR_BODY void write_floats_body(const float* samples, std::size_t n, unsigned char* out,
                                               std::uint64_t& sum) {
  write_words(samples, n, out, sum);
}
TILECOMPILE_VECTOR_LEVELS(write_floats,
                          (const float* samples, std::size_t n, unsigned char* out, std::uint64_t& sum),
                          (samples, n, out, sum))

TILECOMPILE_VECTOR_BODY void write_integers_body(const std::int32_t* samples, std::size_t n,
                                                 unsigned char* out, std::uint64_t& sum) {
  write_words(samples, n, out, sum);
}
TILECOMPILE_VECTOR_LEVELS(write_integers,
                          (const std::int32_t* samples, std::size_t n, unsigned char* out,
                           std::uint64_t& sum),
                          (samples, n, out, sum))

[[gnu::always_inline]] inline std::uint32_t bits_at(const unsigned char* words, std::size_t i) {
  std::uint32_t word = 0;
  std::memcpy(&word, words + i * sizeof word, sizeof word);
  return file_word(word);
}

TILECOMPILE_VECTOR_BODY void add_words_body(const unsigned char* words, std::size_t n, std::uint64_t& sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < n; ++i) total += bits_at(words, i);
  sum = total;
}
TILECOMPILE_VECTOR_LEVELS(add_words, (const unsigned char* words, std::size_t n, std::uint64_t& sum),
                          (words, n, sum))

TILECOMPILE_VECTOR_BODY void read_floats_body(const unsigned char* words, std::size_t n,
                                              float* __restrict out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = std::bit_cast<float>(bits_at(words, i));
}
TILECOMPILE_VECTOR_LEVELS(read_floats, (const unsigned char* words, std::size_t n, float* out),
                          (words, n, out))

}  // namespace

std::uint32_t ones_complement(std::uint64_t sum) {
  while ((sum >> 32) != 0) sum = (sum & 0xffffffff) + (sum >> 32);
  return static_cast<std::uint32_t>(sum);
}

std::uint32_t encode_samples(const float* samples, std::size_t n, unsigned char* out) {
  std::uint64_t sum = 0;
  write_floats(samples, n, out, sum);
  return ones_complement(sum);
}
std::uint32_t encode_samples(const std::int32_t* samples, std::size_t n, unsigned char* out) {
  std::uint64_t sum = 0;
  write_integers(samples, n, out, sum);
  return ones_complement(sum);
}

std::uint32_t sum_of_words(const unsigned char* words, std::size_t n) {
  std::uint64_t sum = 0;
  add_words(words, n, sum);
  return ones_complement(sum);
}

void decode_floats(const unsigned char* words, std::size_t n, float* out) { read_floats(words, n, out); }

}  // namespace tilecompile
