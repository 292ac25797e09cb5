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
  /// neighbouring codes; it only chooses between counting codes and sorting, never the result.
  void assign(const PlaneView<float>& plane, double code_step);

  std::uint64_t count() const { return below_.empty() ? 0 : below_.back(); }
  /// Median of all samples; 0 when there are none.
  double median() const;
  /// True when all samples are equal (also when there are none).
  bool constant() const { return value_.size() < 2; }
  double smallest() const { return value_.empty() ? 0 : value_.front(); }
  double largest() const { return value_.empty() ? 0 : value_.back(); }

 private:
  friend class Clipping;
  void fill_by_counting(const PlaneView<float>& plane, float lowest, double code_step, std::size_t bins);
  void fill_by_sorting(const PlaneView<float>& plane, std::size_t count);

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
