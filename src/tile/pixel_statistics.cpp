#include "pixel_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/sorted_pixels.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kPixels = SortedPixels::kPixels;
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

// I' of as many neighbouring pixels as are sorted together.
TILECOMPILE_VECTOR_BODY void normalise_pixels_body(const float* __restrict from, const Normalization& n,
                                                   float* __restrict to) {
  const double offset = n.offset, gain = n.gain, pedestal = n.pedestal;
  for (int p = 0; p < kPixels; ++p) to[p] = static_cast<float>((from[p] - offset) * gain + pedestal);
}
TILECOMPILE_VECTOR_LEVELS(normalise_pixels, (const float* from, const Normalization& n, float* to),
                          (from, n, to))

// The samples of pixels x .. x + kPixels - 1 of row y; past the end of the row none.
void gather(const std::vector<WeightedCutout>& cutouts, int x, int y, int width, SortedPixels& pixels) {
  const int there = std::min(kPixels, width - x);
  for (std::size_t f = 0; f < cutouts.size(); ++f) {
    const float* const from = cutouts[f].samples.row(y) + x;
    float* const to = pixels.frame(f);
    __builtin_prefetch(from + kPixels);  // no prefetcher follows hundreds of frames
    if (there == kPixels) {
      normalise_pixels(from, cutouts[f].normalization, to);
      continue;
    }
    for (int p = 0; p < kPixels; ++p)
      to[p] = p < there ? static_cast<float>(cutouts[f].normalization(from[p])) : kNone;
  }
}

}  // namespace

PixelStatistics pixel_statistics(const std::vector<WeightedCutout>& cutouts, int width, int height) {
  PixelStatistics s{Plane<double>(width, height, std::nan("")), Plane<double>(width, height),
                    Plane<float>(width, height), Plane<float>(width, height),
                    Plane<std::int32_t>(width, height)};
  SortedPixels pixels(cutouts.size());
  for (int y = 0; y < height; ++y)
    for (int x0 = 0; x0 < width; x0 += kPixels) {
      gather(cutouts, x0, y, width, pixels);
      pixels.sort();
      for (int x = x0; x < std::min(x0 + kPixels, width); ++x) {
        const auto p = static_cast<std::size_t>(x - x0);
        const std::size_t n = pixels.count(p);
        if (n == 0) continue;
        const double middle = pixels.median(p);
        s.location.at(x, y) = middle;
        s.scale.at(x, y) = 1.4826 * pixels.absolute_deviation(p, middle);
        s.least.at(x, y) = pixels.at(p, 0);
        s.largest.at(x, y) = pixels.at(p, n - 1);
        s.samples.at(x, y) = static_cast<std::int32_t>(n);
      }
    }
  return s;
}

}  // namespace tilecompile
