#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// Columns, and rows, between samples that are compared: they have the same colour in every mosaic of 2 x 2
/// or 6 x 6 pixels.
constexpr int kNoisePairPx = 6;

/// Signs of a second difference, between two columns and two rows: the fingerprint of a picture's noise. Two
/// files of one exposure share it, whatever scale, offset or format they have; two exposures of one sky do
/// not, since most of a picture is sky, and mosaics of colours, patterns of whole columns or rows and
/// gradients cancel.
struct NoiseSigns {
  std::vector<std::uint64_t> rises, falls;  ///< a bit a sample
};
/// Of pairs of whole rows of `width` samples, the second kNoisePairPx below the first, one pair after the
/// other; NaN neither rises nor falls.
NoiseSigns noise_signs(const std::vector<float>& rows, int width);
/// True when nearly all differences that rise or fall in both do the same. False for too few of them.
bool same_noise(const NoiseSigns& a, const NoiseSigns& b);

/// Frames that can be files of one exposure, by index, ascending; a frame can be in two groups.
struct TwinCandidates {
  std::vector<std::size_t> frames;
  /// They state one start and one exposure, which is long enough that a camera takes one at a time.
  bool same_time = false;
};
/// Frames of one shape that state the same start and exposure, or whose paths differ only in the ending
/// (.fit, .fits, .fts, .gz, .fz).
std::vector<TwinCandidates> twin_candidates(const Manifest& manifest);

}  // namespace tilecompile
