#include <algorithm>
#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr std::uint64_t kMoon = 201;  // stream of random numbers
constexpr double kMoonTurns = 0.4;    // of its direction during a session
constexpr double kOtherSky = 1.6;     // of the second session over the first
constexpr double kTurnedBy = 0.06;    // turns of its detector

struct DetectorPlace {
  double u, v;  // px from the detector's centre, along its rows and columns
};

DetectorPlace place_on_detector(const SimulatedConditions& c, double x, double y) {
  const double across = x - c.dx - c.light.x, down = y - c.dy - c.light.y;
  return {across * c.light.cosine + down * c.light.sine, down * c.light.cosine - across * c.light.sine};
}

// The share of the light that reaches a place.
double flat_at(const SimulatedConditions& c, const SimulateOptions& options, double x, double y) {
  const DetectorPlace at = place_on_detector(c, x, y);
  const double diagonal2 =
      0.25 * (1.0 * options.width * options.width + 1.0 * options.height * options.height);
  return std::max(0.0, 1 - options.night_sky.vignetting * (at.u * at.u + at.v * at.v) / diagonal2);
}

double sky_at(const SimulatedConditions& c, const SimulateOptions& options, double x, double y) {
  const double u = 2 * (x + 0.5) / options.width - 1, v = 2 * (y + 0.5) / options.height - 1;
  const auto& g = c.light.gradient;
  return c.sky_adu + c.sky_slope_x * (u - 1.0 / options.width) + c.sky_slope_y * (v - 1.0 / options.height) +
         g[0] * u + g[1] * v + g[2] * u * u + g[3] * u * v + g[4] * v * v;
}

// Adds level (0.7 s + 0.3 s^2), s the place along a direction.
void add_gradient(double level, double turns, FrameLight& light) {
  const double a = exact_cos_turns(turns), b = exact_cos_turns(turns - 0.25);
  const std::array<double, 5> terms = {0.7 * a, 0.7 * b, 0.3 * a * a, 0.6 * a * b, 0.3 * b * b};
  for (std::size_t i = 0; i < terms.size(); ++i) light.gradient[i] += level * terms[i];
}

}  // namespace

void draw_light(const SimulateOptions& options, int frame, SimulatedConditions& c) {
  const SimulatedSky& night = options.night_sky;
  FrameLight& light = c.light;
  light.x = 0.5 * (options.width - 1);
  light.y = 0.5 * (options.height - 1);
  const int first = options.frames - static_cast<int>(night.second_session * options.frames + 0.5);
  light.second_session = frame >= first;
  const CounterRandom random(options.seed, kMoon, light.second_session ? 1 : 0);
  const int begun = light.second_session ? frame - first : frame;
  const int length = light.second_session ? options.frames - first : first;
  const double share = length > 1 ? begun / (length - 1.0) : 0;
  if (light.second_session) {
    c.sky_adu *= kOtherSky;
    light.cosine = exact_cos_turns(kTurnedBy);
    light.sine = exact_cos_turns(kTurnedBy - 0.25);
    light.x += 0.5 * options.width;
    light.y += 0.1 * options.height;
  }
  const double sense = light.second_session ? -1 : 1;
  add_gradient(night.gradient * c.sky_adu * (1 - 0.7 * share), random.uniform(0) + sense * kMoonTurns * share,
               light);
  const double dawn = std::max(0.0, 5 * share - 4);  // the last fifth
  const double twilight = night.gradient * c.sky_adu * dawn * dawn;
  add_gradient(0.5 * twilight, random.uniform(1), light);
  c.sky_adu += twilight;
}

double true_sky(const SimulatedConditions& c, const SimulateOptions& options, double x, double y) {
  return sky_at(c, options, x, y) * flat_at(c, options, x, y);
}

void add_gradients(const SimulatedConditions& c, const SimulateOptions& options, Plane<float>& plane) {
  if (!options.night_sky.any()) return;
  const auto& g = c.light.gradient;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      const double u = 2 * (x + 0.5) / options.width - 1, v = 2 * (y + 0.5) / options.height - 1;
      plane.row(y)[x] += static_cast<float>(g[0] * u + g[1] * v + g[2] * u * u + g[3] * u * v + g[4] * v * v);
    }
}

void shade(const SimulatedConditions& c, const SimulateOptions& options, Plane<float>& plane) {
  if (!(options.night_sky.vignetting > 0)) return;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) plane.row(y)[x] *= static_cast<float>(flat_at(c, options, x, y));
}

void cut_to_detector(const SimulatedConditions& c, const SimulateOptions& options, Plane<float>& plane) {
  if (!c.light.second_session) return;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      const DetectorPlace at = place_on_detector(c, x, y);
      if (std::abs(at.u) > 0.5 * options.width || std::abs(at.v) > 0.5 * options.height) plane.row(y)[x] = 0;
    }
}

}  // namespace tilecompile
