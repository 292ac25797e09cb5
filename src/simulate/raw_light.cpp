#include <algorithm>
#include <cmath>

#include "raw_night.hpp"

namespace tilecompile {
namespace {

// The broad parts of the nebula are smooth: linear between their pixels.
float smooth_at(const Plane<float>& plane, double x, double y) {
  const double u = std::clamp(x, 0.0, plane.width() - 1.001), v = std::clamp(y, 0.0, plane.height() - 1.001);
  const int i = static_cast<int>(u), j = static_cast<int>(v);
  const double p = u - i, q = v - j;
  const float *upper = plane.row(j) + i, *lower = plane.row(j + 1) + i;
  return static_cast<float>((1 - q) * ((1 - p) * upper[0] + p * upper[1]) +
                            q * ((1 - p) * lower[0] + p * lower[1]));
}

/// One colour of the scene on the detector.
Plane<float> channel_light(const RawSky& sky, const SimulatedConditions& c, const RawTransform& t,
                           const RawNightOptions& options, int channel) {
  const SimulateOptions& night = options.night;
  const SimulatedScene& scene = sky.scene;
  Plane<float> plane(night.width, night.height);
  const double middle_x = 0.5 * (sky.width - 1), middle_y = 0.5 * (sky.height - 1);
  const double nebula = c.transparency * nebula_colour(channel);
  for (int y = 0; y < night.height; ++y)
    for (int x = 0; x < night.width; ++x) {
      double light = c.sky_adu + c.sky_slope_x * (2.0 * x / night.width - 1) +
                     c.sky_slope_y * (2.0 * y / night.height - 1);
      if (!scene.glow.empty()) {
        const SkyPoint at = t.on_sky(x, y);
        light += nebula * smooth_at(scene.glow, at.x + middle_x, at.y + middle_y);
      }
      plane.row(y)[x] = static_cast<float>(light);
    }
  for (const SimulatedKnot& knot : scene.knots) {
    const SkyPoint at = t.on_detector(knot.x - middle_x, knot.y - middle_y);
    add_knot({at.x, at.y, knot.sigma_px, nebula * knot.flux}, local_fwhm(c, night, at.x, at.y), plane);
  }
  for (const SimulatedStar& star : scene.stars) {
    const SkyPoint at = t.on_detector(star.x - middle_x, star.y - middle_y);
    add_star(at.x, at.y, c.transparency * star.flux * star.colour[static_cast<std::size_t>(channel)],
             local_fwhm(c, night, at.x, at.y), c, plane);
  }
  return plane;
}

}  // namespace

Plane<float> raw_scene_light(const RawSky& sky, const SimulatedConditions& conditions,
                             const RawTransform& transform, const RawNightOptions& options, int frame) {
  const std::string& cfa = options.camera.cfa;
  Plane<float> light = channel_light(sky, conditions, transform, options, 0);
  for (int channel = 1; channel < 3 && !cfa.empty(); ++channel) {
    const Plane<float> other = channel_light(sky, conditions, transform, options, channel);
    for (int y = 0; y < light.height(); ++y)
      for (int x = 0; x < light.width(); ++x)
        if (filter_at(cfa, x, y) == channel) light.row(y)[x] = other.row(y)[x];
  }
  // trails and cosmic rays know nothing of filters
  SimulateOptions one_channel = options.night;
  one_channel.channels = 1;
  for (const Defect& defect : frame_defects({}, conditions, one_channel, frame, 0))
    light.at(defect.x, defect.y) += defect.adu;
  return light;
}

}  // namespace tilecompile
