#include "tilecompile/coadd/median_stack.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "tilecompile/image/merge_exchange.hpp"
#include "tilecompile/image/sample_vectors.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kPixels = 8;  // sorted side by side, a lane of vectors each

struct alignas(64) Row {
  double value[kPixels];
};
using Counts = std::array<std::int64_t, kPixels>;

// Samples less the frame's offset; those that are none sort to the end.
TILECOMPILE_VECTOR_BODY void take_samples_body(const float* from, double offset, Row& to, Counts& count) {
  for (std::size_t p = 0; p < kPixels; ++p) {
    const bool valid = from[p] == from[p];
    to.value[p] = valid ? from[p] - offset : std::numeric_limits<double>::infinity();
    count[p] += valid ? 1 : 0;
  }
}
TILECOMPILE_VECTOR_LEVELS(take_samples, (const float* from, double offset, Row& to, Counts& count),
                          (from, offset, to, count))

TILECOMPILE_VECTOR_BODY void sort_doubles_body(Row* rows, std::size_t n) {
  constexpr std::size_t kCount = kDoublesAVector<kLanes>;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  merge_exchange(
      n, [&](std::size_t i, std::size_t j) __attribute__((always_inline)) {
        for (std::size_t p = 0; p < kPixels; p += kCount) {
          Doubles a, b;
          std::memcpy(&a, rows[i].value + p, sizeof a);
          std::memcpy(&b, rows[j].value + p, sizeof b);
          const Doubles low = b < a ? b : a, high = b < a ? a : b;
          std::memcpy(rows[i].value + p, &low, sizeof low);
          std::memcpy(rows[j].value + p, &high, sizeof high);
        }
      });
}
TILECOMPILE_VECTOR_LEVELS(sort_doubles, (Row * rows, std::size_t n), (rows, n))

}  // namespace

void median_over_frames(const float* samples, std::size_t pixels, const std::vector<double>& offsets,
                        std::size_t least, std::size_t first, std::size_t last, float* out) {
  std::vector<Row> rows(offsets.size());
  for (std::size_t p0 = first; p0 < last; p0 += kPixels) {
    const std::size_t here = std::min(kPixels, last - p0);
    Counts count{};
    for (std::size_t f = 0; f < rows.size(); ++f) {
      std::array<float, kPixels> end;  // of the pixels, filled up
      const float* from = samples + f * pixels + p0;
      if (here < kPixels) {
        end.fill(std::numeric_limits<float>::quiet_NaN());
        from = std::copy_n(from, here, end.data()) - here;
      }
      take_samples(from, offsets[f], rows[f], count);
    }
    sort_doubles(rows.data(), rows.size());
    for (std::size_t p = 0; p < here; ++p) {
      const auto n = static_cast<std::size_t>(count[p]);
      const bool enough = n > 0 && n >= least;
      out[p0 + p] = enough ? static_cast<float>((rows[(n - 1) / 2].value[p] + rows[n / 2].value[p]) / 2)
                           : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace tilecompile
