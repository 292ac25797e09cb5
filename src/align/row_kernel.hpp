#pragma once
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include "tilecompile/align/resample.hpp"

namespace tilecompile {

inline constexpr int kKernelTaps = 6;

/// Weights of the taps at -2 .. 3 from the whole part of a place; they sum to 1, and their centre is the
/// place, so that a slope stays a slope and a star stays where it is. The last two are no taps: they fill
/// vectors.
struct alignas(64) KernelPhase {
  std::array<double, 8> weight{};
};
/// Of a place `phase` / 1024 px beyond a whole one.
const KernelPhase& kernel_phase(int phase);

/// The first of the samples under each pixel of a row, phases in 1/1024 px, and source area a pixel.
struct RowPlaces {
  explicit RowPlaces(std::size_t n) : x(n), y(n), phase_x(n), phase_y(n), area(n) {}
  std::vector<int> x, y;  ///< kNowhere: beside all images
  std::vector<int> phase_x, phase_y;
  std::vector<double> area;
  static constexpr int kNowhere = std::numeric_limits<int>::min() / 2;
};

/// What a row of the output is made of; `p`: RowTransform::scaled of its pixels.
void find_places(const RowTransform& row, double unit_area, const std::vector<double>& p, RowPlaces& places);

/// A part of a frame with the lowest and the highest of the samples under a kernel, for every place where all
/// of it lies in the part.
class KernelPart {
 public:
  explicit KernelPart(const FramePart& part);
  const FramePart& part() const { return part_; }
  /// Resamples the pixels of a row whose kernel lies in the part; the others, and those whose kernel has a
  /// sample that is none, become NaN.
  void add_row(const RowPlaces& places, float* result) const;

 private:
  FramePart part_;
  std::ptrdiff_t stride_ = 0;
  std::unique_ptr<float[]> lowest_, highest_;
};

/// No value is lower than the lowest sample by more than a share of the range; `sum`: of weights times
/// samples less `lowest`.
inline double clamped(double sum, double lowest, double highest) {
  constexpr double kDeepestRing = 0.02;
  const double least = -kDeepestRing * (highest - lowest);
  return lowest + (sum < least ? least : sum);
}

}  // namespace tilecompile
