#pragma once
#include <cstddef>
#include <cstdint>

namespace tilecompile {

/// The sum of 32-bit words as FITS makes it (4.4.2.7): in ones' complement, what overflows is added again.
/// Sums of parts add up to that of the whole.
std::uint32_t ones_complement(std::uint64_t sum);

/// Turns `n` samples, fewer than 2^32, into the big-endian words of a FITS data unit, every NaN into
/// 0x7fc00000. Returns the ones_complement sum of the words.
std::uint32_t encode_samples(const float* samples, std::size_t n, unsigned char* out);
std::uint32_t encode_samples(const std::int32_t* samples, std::size_t n, unsigned char* out);

/// The same sum of `n` big-endian words, as many at most.
std::uint32_t sum_of_words(const unsigned char* words, std::size_t n);

/// Turns `n` big-endian words into float32 as they stand there.
void decode_floats(const unsigned char* words, std::size_t n, float* out);

}  // namespace tilecompile
