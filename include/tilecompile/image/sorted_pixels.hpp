#pragma once
#include <array>
#include <cstddef>
#include <vector>

namespace tilecompile {

/// The samples of some neighbouring pixels over frames, sorted pixel by pixel: exact median, MAD and
/// extremes. One vector lane a pixel and a sorting network over the frames, so all pixels take the same
/// steps.
class SortedPixels {
 public:
  static constexpr std::size_t kPixels = 16;
  /// A sample of each pixel.
  struct alignas(kPixels * sizeof(float)) Row {
    float sample[kPixels];
  };
  explicit SortedPixels(std::size_t frames) : rows_(frames) {}

  /// Where the samples of frame `f` go, kPixels of them; NaN where it has none.
  float* frame(std::size_t f) { return rows_[f].sample; }
  /// Sorts what frame() took; call before anything below.
  void sort();
  /// Samples of a pixel that are not NaN.
  std::size_t count(std::size_t pixel) const { return count_[pixel]; }
  /// The sample with `rank` smaller ones, rank < count.
  float at(std::size_t pixel, std::size_t rank) const { return rows_[rank].sample[pixel]; }
  /// The middle sample, or the mean of the two middle ones; count > 0 (`methodology.md` 2).
  double median(std::size_t pixel) const;
  /// Median of |sample - middle|, each rounded to float; `middle`: the median; count > 0.
  double absolute_deviation(std::size_t pixel, double middle) const;

 private:
  std::vector<Row> rows_;  // [frame], sorted: [rank]
  std::array<std::size_t, kPixels> count_{};
};

}  // namespace tilecompile
