#pragma once
#include <cstdint>
#include <vector>

#include "tilecompile/image/median.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Valid samples of a plane as ascending distinct values with their counts: every order statistic is then
/// exact, and sums over it run in ascending order whichever way it was filled.
class Distribution {
 public:
  /// Collects the samples of `plane` that are not NaN. `code_step` (0: unknown) is the distance of
  /// neighbouring codes, of which all samples lie a whole number apart, but for rounding; it only chooses
  /// between counting codes and sorting, never the result.
  void assign(const PlaneView<float>& plane, double code_step);

  std::uint64_t count() const { return distinct_ == 0 ? 0 : below_[distinct_]; }
  /// Median of all samples; 0 when there are none.
  double median() const;
  /// True when all samples are equal (also when there are none).
  bool constant() const { return distinct_ < 2; }
  double smallest() const { return distinct_ == 0 ? 0 : value_[0]; }
  double largest() const { return distinct_ == 0 ? 0 : value_[distinct_ - 1]; }
  /// True when all are whole numbers from -2^20 to 2^20 (or there are none).
  bool whole_numbers() const { return whole_; }
  /// Memory that it holds: at most some 20 bytes a sample, or what 16-bit codes take.
  std::size_t held_bytes() const;

 private:
  friend class Clipping;
  void count_codes(const PlaneView<float>& plane, float lowest, double code_step, std::size_t bins,
                   bool values_known);
  void fill_by_counting(const PlaneView<float>& plane, float lowest, double code_step, std::size_t bins);
  void fill_by_sorting(const PlaneView<float>& plane, std::size_t count);

  bool whole_ = false;
  std::size_t distinct_ = 0;          // how many of the next two count
  std::vector<float> value_;          // distinct, ascending
  std::vector<std::uint64_t> below_;  // below_[i]: samples smaller than value_[i]; one more entry: all
  std::vector<std::uint32_t> keys_, spare_, bins_;  // scratch
};

/// Location and scale of what a 3-sigma clip keeps.
struct Clipped {
  double location = 0, scale = 0;
  std::uint64_t kept = 0;
};

/// `clip(x)` of `methodology.md` 2: rounds of |x - median| <= 3 max(sd, q); location is the median, for q > 0
/// interpolated inside its code; scale is the standard deviation of what is kept divided by 0.98658. No
/// samples: zeros.
Clipped clip(const Distribution& samples, double code_step);
/// Its location alone.
double clipped_location(const Distribution& samples, double code_step);

}  // namespace tilecompile
