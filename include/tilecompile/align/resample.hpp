#pragma once
#include <vector>

#include "tilecompile/align/transform.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Where the pixels of the output lie in the reference: the centre of column X at
/// x0 + (X + 1/2) step - 1/2, rows alike.
struct OutputGrid {
  int width = 0, height = 0;
  double x0 = 0, y0 = 0;
  double step = 1;  ///< reference px an output px: 1 / output_scale
  double x(int column) const { return x0 + (column + 0.5) * step - 0.5; }
  double y(int row) const { return y0 + (row + 0.5) * step - 0.5; }
  bool operator==(const OutputGrid&) const = default;
};

/// The part of a frame of width x height px that the pixels of `out` are made of: the outline of `out`
/// carried to the frame, and the kernel around it. Empty (w or h 0) where they do not meet.
Box source_box(const Transform& t, const OutputGrid& grid, const Box& out, int width, int height);

/// A part of a frame, and where it lies in it.
struct FramePart {
  PlaneView<float> samples;
  Box box;
  int width = 0, height = 0;  ///< of the whole frame
};

/// Where a plane of the output goes: its rows, `stride` samples apart.
struct ResampledPlane {
  float* samples = nullptr;
  std::ptrdiff_t stride = 0;
};

/// Resamples planes of a frame, all parts of one box, to the pixels of `out`, by Lanczos-3
/// along rows and columns of the frame, weights of 1/1024 px phases that sum to 1 and keep slopes
/// (what the plain kernel lacks, up to 0.02, goes from the fourth weight to the third), sums from top left to
/// bottom right in double, times the Jacobian, rounded once. A pixel depends on the place of `out` in no way.
///
/// Invalid samples and those outside of the frame take no part; where their weights add up to more than 0.3
/// (as absolute values) the pixel is invalid (NaN); else the others are scaled to sum 1.
///
/// Clamping: no pixel is lower than the lowest sample under the kernel by more than 2 % of the distance from
/// it to the highest one. Stars of FWHM 1.8 px and more never come there, so their flux is kept;
/// the ring beside a steeper star or a hot pixel, of up to 13 % of its peak, is cut down to that.
///
/// Throws ContractError when a sample that is needed is not in `part`.
void resample(const Transform& t, const OutputGrid& grid, const Box& out, const std::vector<FramePart>& parts,
              const std::vector<ResampledPlane>& results);
/// One plane, row by row into `result` (out.w * out.h samples).
void resample(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
              float* result);

}  // namespace tilecompile
