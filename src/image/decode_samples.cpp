#include "tilecompile/image/decode_samples.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

template <class Bits>
Bits load_big_endian(const unsigned char* raw) {
  Bits bits;
  std::memcpy(&bits, raw, sizeof bits);
  if constexpr (std::endian::native == std::endian::little) {
    if constexpr (sizeof bits == 2) bits = __builtin_bswap16(bits);
    if constexpr (sizeof bits == 4) bits = __builtin_bswap32(bits);
    if constexpr (sizeof bits == 8) bits = __builtin_bswap64(bits);
  }
  return bits;
}

/// Code of type `Code` at sample i.
template <class Code, class Bits>
Code load_code(const unsigned char* raw, std::size_t i) {
  return std::bit_cast<Code>(load_big_endian<Bits>(raw + i * sizeof(Bits)));
}

/// Adding -0.0 changes nothing, adding +0.0 would lose the sign of a negative zero.
double offset_of(const Scaling& s) { return s.bzero == 0 ? -0.0 : s.bzero; }

template <bool kZeroIsMissing>
float finish(double physical) {
  const float value = static_cast<float>(physical);
  // The comparison is false for NaN and for values that are infinite or overflow float32.
  const bool usable = std::abs(value) <= std::numeric_limits<float>::max();
  const bool zero = kZeroIsMissing && physical == 0;
  return usable && !zero ? value : kMissing;
}

/// Small integers with BSCALE 1 and a whole BZERO: the sum is exact in 32 bits and in float32, so this gives
/// the bits of the general way at several times its speed.
template <class Code, class Bits, bool kBlank, bool kZero>
void decode_small(const unsigned char* raw, std::size_t n, const Scaling& s, float* out) {
  const std::int32_t offset = static_cast<std::int32_t>(s.bzero);
  const std::int32_t blank = static_cast<std::int32_t>(s.blank);
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t code = load_code<Code, Bits>(raw, i);
    const std::int32_t physical = code + offset;
    const bool missing = (kBlank && code == blank) || (kZero && physical == 0);
    out[i] = missing ? kMissing : static_cast<float>(physical);
  }
}

template <class Code, class Bits, bool kBlank, bool kZero>
void decode_general(const unsigned char* raw, std::size_t n, const Scaling& s, float* out) {
  const double bscale = s.bscale, bzero = offset_of(s);
  for (std::size_t i = 0; i < n; ++i) {
    const Code code = load_code<Code, Bits>(raw, i);
    const float value = finish<kZero>(static_cast<double>(code) * bscale + bzero);
    if constexpr (kBlank)
      out[i] = code == static_cast<Code>(s.blank) ? kMissing : value;
    else
      out[i] = value;
  }
}

/// On the bits: compilers turn integer comparisons and selections into vector code, float ones with NaN not.
template <bool kZero>
void decode_plain_floats(const unsigned char* raw, std::size_t n, float* out) {
  constexpr std::uint32_t kInfinity = 0x7f800000, kQuietNan = 0x7fc00000;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t bits = load_big_endian<std::uint32_t>(raw + i * sizeof bits);
    const std::uint32_t magnitude = bits & 0x7fffffff;
    const bool missing = magnitude >= kInfinity || (kZero && magnitude == 0);
    const std::uint32_t value = missing ? kQuietNan : bits;
    std::memcpy(out + i, &value, sizeof value);
  }
}

template <class Code>
bool blank_fits(const Scaling& s) {
  return s.has_blank && s.blank >= static_cast<std::int64_t>(std::numeric_limits<Code>::min()) &&
         s.blank <= static_cast<std::int64_t>(std::numeric_limits<Code>::max());
}

template <class Code, class Bits, bool kZero>
void decode_integers(const unsigned char* raw, std::size_t n, const Scaling& s, float* out) {
  constexpr double kExactBelow = 1 << 22;  // with a 16-bit code the sum stays below 2^24
  const bool small =
      sizeof(Code) <= 2 && s.bscale == 1 && std::floor(s.bzero) == s.bzero && std::abs(s.bzero) < kExactBelow;
  if constexpr (sizeof(Code) <= 2) {
    if (small)
      return blank_fits<Code>(s) ? decode_small<Code, Bits, true, kZero>(raw, n, s, out)
                                 : decode_small<Code, Bits, false, kZero>(raw, n, s, out);
  }
  return blank_fits<Code>(s) ? decode_general<Code, Bits, true, kZero>(raw, n, s, out)
                             : decode_general<Code, Bits, false, kZero>(raw, n, s, out);
}

template <bool kZero>
void decode(const unsigned char* raw, std::size_t n, int bitpix, const Scaling& s, float* out) {
  switch (bitpix) {
    case 8:
      return decode_integers<std::uint8_t, std::uint8_t, kZero>(raw, n, s, out);
    case 16:
      return decode_integers<std::int16_t, std::uint16_t, kZero>(raw, n, s, out);
    case 32:
      return decode_integers<std::int32_t, std::uint32_t, kZero>(raw, n, s, out);
    case 64:
      return decode_integers<std::int64_t, std::uint64_t, kZero>(raw, n, s, out);
    case -32:
      if (s.bscale == 1 && s.bzero == 0) return decode_plain_floats<kZero>(raw, n, out);
      return decode_general<float, std::uint32_t, false, kZero>(raw, n, s, out);
    case -64:
      return decode_general<double, std::uint64_t, false, kZero>(raw, n, s, out);
    default:
      throw ContractError("no samples of BITPIX " + std::to_string(bitpix));
  }
}

template <bool kZero>
void decode_doubles(const double* codes, std::size_t n, const Scaling& s, float* out) {
  const double bscale = s.bscale, bzero = offset_of(s);
  for (std::size_t i = 0; i < n; ++i) out[i] = finish<kZero>(codes[i] * bscale + bzero);
}

}  // namespace

void decode_samples(const unsigned char* raw, std::size_t n, int bitpix, const Scaling& scaling,
                    bool zero_is_nodata, float* out) {
  if (zero_is_nodata)
    decode<true>(raw, n, bitpix, scaling, out);
  else
    decode<false>(raw, n, bitpix, scaling, out);
}

void decode_codes(const double* codes, std::size_t n, const Scaling& scaling, bool zero_is_nodata,
                  float* out) {
  if (zero_is_nodata)
    decode_doubles<true>(codes, n, scaling, out);
  else
    decode_doubles<false>(codes, n, scaling, out);
}

bool are_codes(int bitpix, const Scaling& s) {
  return bitpix == 16 && s.bscale == 1 && (s.bzero == 0 || s.bzero == 32768) && !s.has_blank;
}

namespace {

// Counts instead of conditions: a loop that vector units can do.
TILECOMPILE_VECTOR_BODY void decode_words_body(const unsigned char* __restrict raw, std::size_t n,
                                               std::uint16_t flip, std::uint16_t* __restrict out,
                                               FoundCodes& found) {
  std::uint16_t zero = 0, last = 0, high = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const auto code = static_cast<std::uint16_t>(load_big_endian<std::uint16_t>(raw + 2 * i) ^ flip);
    out[i] = code;
    zero |= static_cast<std::uint16_t>(code == 0);
    last |= static_cast<std::uint16_t>(code == 65535);
    high |= code;
  }
  found = {zero != 0, last != 0, flip == 0 && (high & 0x8000) != 0};
}
TILECOMPILE_VECTOR_LEVELS(decode_words,
                          (const unsigned char* raw, std::size_t n, std::uint16_t flip, std::uint16_t* out,
                           FoundCodes& found),
                          (raw, n, flip, out, found))

}  // namespace

// BZERO 32768 flips the sign bit of a code.
FoundCodes decode_to_codes(const unsigned char* raw, std::size_t n, const Scaling& scaling,
                           std::uint16_t* out) {
  FoundCodes found;
  decode_words(raw, n, scaling.bzero == 0 ? 0 : 0x8000, out, found);
  return found;
}

}  // namespace tilecompile
