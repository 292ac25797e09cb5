#include "tilecompile/image/packed_samples.hpp"

#include <bit>
#include <limits>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr float kLast = kNoSample;

// Counts instead of conditions: loops that vector units can do.
struct Found {
  std::uint32_t inexact = 0, none = 0, last = 0;
};

TILECOMPILE_VECTOR_BODY void pack_body(const float* __restrict from, std::size_t n,
                                       std::uint16_t* __restrict to, Found& found) {
  std::uint32_t inexact = 0, none = 0, last = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const float v = from[i];
    const float inside = v >= 0 && v <= kLast ? v : 0;
    const auto code = static_cast<std::int32_t>(inside);
    const bool valid = v == v;
    const bool same =
        (static_cast<float>(code) == v) & (std::bit_cast<std::int32_t>(v) >= 0);  // -0 is no code
    to[i] = static_cast<std::uint16_t>(valid ? code : kNoSample);
    inexact += valid && !same ? 1U : 0U;
    none += valid ? 0U : 1U;
    last += code == kNoSample ? 1U : 0U;
  }
  found = {inexact, none, last};
}
TILECOMPILE_VECTOR_LEVELS(pack, (const float* from, std::size_t n, std::uint16_t* to, Found& found),
                          (from, n, to, found))

TILECOMPILE_VECTOR_BODY void unpack_all_body(const std::uint16_t* __restrict from, std::size_t n,
                                             float* __restrict to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<float>(static_cast<std::int32_t>(from[i]));
}
TILECOMPILE_VECTOR_LEVELS(unpack_all, (const std::uint16_t* from, std::size_t n, float* to), (from, n, to))

TILECOMPILE_VECTOR_BODY void unpack_valid_body(const std::uint16_t* __restrict from, std::size_t n,
                                               float* __restrict to, std::uint32_t& valid) {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const bool there = from[i] != kNoSample;
    to[i] = there ? static_cast<float>(static_cast<std::int32_t>(from[i]))
                  : std::numeric_limits<float>::quiet_NaN();
    count += there ? 1U : 0U;
  }
  valid = count;
}
TILECOMPILE_VECTOR_LEVELS(unpack_valid,
                          (const std::uint16_t* from, std::size_t n, float* to, std::uint32_t& valid),
                          (from, n, to, valid))

}  // namespace

PackedSamples pack_samples(const float* from, std::size_t n, std::uint16_t* to) {
  Found found;
  pack(from, n, to, found);
  return {found.inexact == 0, found.none > 0, found.last > 0};
}

std::size_t unpack_samples(const std::uint16_t* from, std::size_t n, bool has_none, float* to) {
  if (!has_none) {
    unpack_all(from, n, to);
    return n;
  }
  std::uint32_t valid = 0;
  unpack_valid(from, n, to, valid);
  return valid;
}

}  // namespace tilecompile
