#include <algorithm>
#include <cmath>

#include "raw_night.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr std::uint64_t kRawPointing = 301;  // stream of random numbers
constexpr double kMargin = 40;               // px of sky around what the frames see

}  // namespace

SkyPoint RawTransform::on_detector(double x, double y) const {
  const double u = a * x + b * y + tx, v = c * x + d * y + ty, grown = 1 + k * (u * u + v * v);
  return {cx + u * grown, cy + v * grown};
}

SkyPoint RawTransform::on_sky(double column, double row) const {
  const double p = column - cx, q = row - cy;
  double u = p, v = q;
  for (int round = 0; round < 8; ++round) {
    const double grown = 1 + k * (u * u + v * v);
    u = p / grown;
    v = q / grown;
  }
  const double determinant = a * d - b * c;
  return {(d * (u - tx) - b * (v - ty)) / determinant, (a * (v - ty) - c * (u - tx)) / determinant};
}

std::vector<RawTransform> make_raw_transforms(const RawNightOptions& options) {
  const SimulateOptions& night = options.night;
  const RawPointing& pointing = options.pointing;
  const double direction = CounterRandom(night.seed, kRawPointing).uniform(0);
  const double half_x = 0.5 * (night.width - 1), half_y = 0.5 * (night.height - 1);
  const double corner2 = half_x * half_x + half_y * half_y;
  std::vector<RawTransform> transforms;
  for (int frame = 0; frame < night.frames; ++frame) {
    const CounterRandom random(night.seed, kRawPointing, 1 + static_cast<std::uint64_t>(frame));
    const double share = night.frames > 1 ? frame / (night.frames - 1.0) : 0.5, along = share - 0.5;
    const bool flipped = pointing.meridian_flip && 2 * frame >= night.frames;
    const double turns = along * pointing.rotation_deg / 360 + (flipped ? 0.5 : 0);
    const double cosine = exact_cos_turns(turns), sine = exact_cos_turns(turns - 0.25);
    const double mirror = pointing.mirrored ? -1 : 1;
    // the sky is lower at the end of the night, and refraction flattens it along the vertical
    const double flat = 1 - pointing.refraction * share;
    RawTransform t;
    t.cx = half_x;
    t.cy = half_y;
    t.a = mirror * cosine;
    t.b = -mirror * sine * flat;
    t.c = sine;
    t.d = cosine * flat;
    t.tx = along * pointing.shift_px * exact_cos_turns(direction) + pointing.dither_px * random.gaussian(0);
    t.ty = along * pointing.shift_px * exact_cos_turns(direction - 0.25) +
           pointing.dither_px * random.gaussian(1);
    t.k = pointing.distortion_px / (corner2 * std::sqrt(corner2));
    transforms.push_back(t);
  }
  return transforms;
}

RawSky make_raw_sky(const RawNightOptions& options) {
  SimulateOptions sky = options.night;
  double reach_x = 0, reach_y = 0;
  for (const RawTransform& t : make_raw_transforms(options))
    for (const double column : {0.0, 2 * t.cx})
      for (const double row : {0.0, 2 * t.cy}) {
        const SkyPoint corner = t.on_sky(column, row);
        reach_x = std::max(reach_x, std::abs(corner.x));
        reach_y = std::max(reach_y, std::abs(corner.y));
      }
  sky.width = 2 * static_cast<int>(std::ceil(reach_x + kMargin)) + 1;
  sky.height = 2 * static_cast<int>(std::ceil(reach_y + kMargin)) + 1;
  const double area = static_cast<double>(options.night.width) * options.night.height;
  sky.stars =
      static_cast<int>(options.night.stars * (static_cast<double>(sky.width) * sky.height / area) + 0.5);
  sky.hot_pixel_fraction = 0;
  sky.channels = options.camera.cfa.empty() ? 1 : 3;
  sky.drift_px = 0;
  sky.moving_objects = 0;
  sky.faults = {};
  sky.night_sky = {};
  return {make_scene(sky), sky.width, sky.height};
}

}  // namespace tilecompile
