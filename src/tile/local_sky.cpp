#include "local_sky.hpp"

#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/image/sky_mesh.hpp"
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

SampleBlock without_own_skies(const TileInput& input, std::size_t channel) {
  const Box& box = input.box;
  const std::size_t frames = input.frame_index.size();
  const SurfaceBox surface(sky_mesh(input.metrics->image_width, input.metrics->image_height), box);
  std::vector<std::vector<double>> coefficients;
  std::vector<double> gain;
  for (const int f : input.frame_index) {
    const FrameChannel& frame = input.metrics->channels[channel][static_cast<std::size_t>(f)];
    coefficients.push_back(kept_sky(frame));
    gain.push_back(frame.normalization.gain);
  }
  std::vector<double> above(static_cast<std::size_t>(box.w));
  SampleBlock levelled(box.w, box.h, frames);
  for (int y = 0; y < box.h; ++y)
    for (std::size_t i = 0; i < frames; ++i) {
      if (coefficients[i].empty()) continue;
      surface.row(coefficients[i], y, above.data());
      level_row(input.cutouts[channel][i].samples.row(y), above.data(), gain[i], box.w, levelled.row(i, y));
    }
  return levelled;
}

}  // namespace tilecompile
