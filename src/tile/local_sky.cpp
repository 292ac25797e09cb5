#include "local_sky.hpp"

#include "tilecompile/frame/sky_surfaces.hpp"

namespace tilecompile {

Plane<float> without_own_sky(const PlaneView<float>& samples, const FrameChannel& frame, const SkyMesh& mesh,
                             const Box& box) {
  const Plane<double> sky = surface_in(kept_sky(frame), mesh, box);
  const double gain = frame.normalization.gain;
  Plane<float> levelled(box.w, box.h);
  for (int y = 0; y < box.h; ++y) {
    const float* from = samples.row(y);
    const double* above = sky.row(y);
    float* to = levelled.row(y);
    for (int x = 0; x < box.w; ++x) to[x] = static_cast<float>(from[x] - above[x] / gain);
  }
  return levelled;
}

}  // namespace tilecompile
