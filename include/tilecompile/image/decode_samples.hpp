#pragma once
#include <cstddef>
#include <cstdint>

namespace tilecompile {

/// physical = bzero + bscale * code; a code equal to `blank` is no observation.
struct Scaling {
  double bscale = 1, bzero = 0;
  bool has_blank = false;
  std::int64_t blank = 0;
};

/// Turns `n` big-endian codes of type `bitpix` (8, 16, 32, 64, -32, -64) into float32 physical values,
/// computed in double and rounded once; not finite, BLANK and (if asked) exact zero become NaN.
void decode_samples(const unsigned char* raw, std::size_t n, int bitpix, const Scaling& scaling,
                    bool zero_is_nodata, float* out);
/// The same for codes that a library has already brought to double, NaN for missing ones.
void decode_codes(const double* codes, std::size_t n, const Scaling& scaling, bool zero_is_nodata,
                  float* out);

/// Whether all values of such codes are whole numbers from 0 to 65535, or negative: those that
/// decode_to_codes takes.
bool are_codes(int bitpix, const Scaling& scaling);
/// What some codes hold.
struct FoundCodes {
  bool zero = false, last = false,
       negative = false;  ///< 0, 65535, and below 0, which comes as something else
};
/// Turns `n` big-endian codes of which are_codes says so into their values.
FoundCodes decode_to_codes(const unsigned char* raw, std::size_t n, const Scaling& scaling,
                           std::uint16_t* out);

}  // namespace tilecompile
