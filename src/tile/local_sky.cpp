#include "local_sky.hpp"

#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {

namespace {

TILECOMPILE_VECTOR_BODY void level_row_body(const float* from, const double* above, double gain, int n,
                                            float* __restrict to) {
  for (int x = 0; x < n; ++x) to[x] = static_cast<float>(from[x] - above[x] / gain);
}
TILECOMPILE_VECTOR_LEVELS(level_row, (const float* from, const double* above, double gain, int n, float* to),
                          (from, above, gain, n, to))

}  // namespace

Plane<float> without_own_sky(const PlaneView<float>& samples, const FrameChannel& frame,
                             const SurfaceBox& surface) {
  const std::vector<double> coefficients = kept_sky(frame);
  const Box& box = surface.box();
  std::vector<double> above(static_cast<std::size_t>(box.w));
  Plane<float> levelled(box.w, box.h);
  for (int y = 0; y < box.h; ++y) {
    surface.row(coefficients, y, above.data());
    level_row(samples.row(y), above.data(), frame.normalization.gain, box.w, levelled.row(y));
  }
  return levelled;
}

}  // namespace tilecompile
