#pragma once
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Smallest and largest value of something.
struct ValueRange {
  double low = 0, high = 0;
  bool operator==(const ValueRange&) const = default;
};

/// Smallest and largest I' over all frames of one channel, for every band of rows. A mean of frames whose
/// weights are not negative lies between them, so a tile that does not was not made from these frames.
/// Different threads may add different bands.
class RowExtremes {
 public:
  static constexpr int kRows = 64;  ///< of a band
  explicit RowExtremes(int height);
  /// Adds rows y0 .. y1-1 of a frame, all of one band. NaN samples do not count. `samples` may be a part of
  /// the image, whose first row is `first_row` of it.
  void add_rows(const PlaneView<float>& samples, const Normalization& normalization, int y0, int y1,
                int first_row = 0);
  /// Over the bands that `box` touches; low > high when no sample is valid there.
  ValueRange of(const Box& box) const;
  /// [band]; low > high where no sample is valid.
  const std::vector<ValueRange>& bands() const { return bands_; }
  /// Takes the bands of rows that another one has seen, `first` and those below it. Throws ContractError when
  /// there are not so many.
  void take(int first, const std::vector<ValueRange>& bands);

 private:
  std::vector<ValueRange> bands_;
};

}  // namespace tilecompile
