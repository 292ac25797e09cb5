#pragma once
#include <cstddef>
#include <cstdint>

namespace tilecompile {

/// Whether any of `n` samples is zero: without one there is no border to look for.
bool has_zero(const float* samples, std::size_t n);

/// Edge of the window of zeros that is no data, px: wider than a star, so that no star clipped to zero is
/// one.
inline constexpr int kZeroWindowPx = 16;

/// Consecutive rows of a plane in memory, `width` samples each, NaN (of codes: kNoSample) where invalid.
template <class Sample>
struct RowsOf {
  Sample* samples = nullptr;
  int width = 0, rows = 0;
  bool at_top = false, at_bottom = false;  ///< nothing of the image lies above, below them
};
using PlaneRows = RowsOf<float>;
using CodeRows = RowsOf<std::uint16_t>;  ///< whole numbers from 0 to 65534

/// Makes NaN (kNoSample) of every zero that lies in some window of kZeroWindowPx x kZeroWindowPx px without a
/// sample other than zero; NaN and what lies outside the image count as zeros (`methodology.md` 1, a
/// morphological opening). So borders of registered frames are no data up to their last pixel, slanted ones
/// too, and lone zeros stay samples. Rows of the image that are not given count as samples.
void drop_zero_borders(const PlaneRows& plane);
void drop_zero_borders(const CodeRows& plane);

/// Whether zeros are left that rows above or below the given ones could still make no data: if so, call
/// drop_zero_borders again with kZeroWindowPx - 1 more rows on that side.
struct ZeroDoubt {
  bool above = false, below = false;
};
ZeroDoubt doubtful_zeros(const PlaneRows& plane);
ZeroDoubt doubtful_zeros(const CodeRows& plane);

}  // namespace tilecompile
