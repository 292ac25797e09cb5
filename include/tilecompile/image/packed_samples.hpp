#pragma once
#include <cstddef>
#include <cstdint>

namespace tilecompile {

/// The 16-bit number of a sample that is not valid, where a frame has such.
inline constexpr std::uint16_t kNoSample = 65535;

/// What packing some samples has found.
struct PackedSamples {
  bool exact = true;      ///< every one is a whole number from 0 to 65535, or NaN
  bool has_none = false;  ///< some are NaN, which are kNoSample now
  bool has_last = false;  ///< some are 65535
  /// Whether unpacking gives the same samples.
  bool lossless() const { return exact && !(has_none && has_last); }
  /// The samples of both together.
  void add(const PackedSamples& other) {
    exact = exact && other.exact;
    has_none = has_none || other.has_none;
    has_last = has_last || other.has_last;
  }
};

/// Writes `n` samples as 16-bit numbers, which is what most cameras' frames hold: half of the memory.
PackedSamples pack_samples(const float* from, std::size_t n, std::uint16_t* to);
/// The samples again; with `has_none`, NaN where kNoSample stands. Returns how many are valid.
std::size_t unpack_samples(const std::uint16_t* from, std::size_t n, bool has_none, float* to);

}  // namespace tilecompile
