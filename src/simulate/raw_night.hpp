#pragma once
#include <array>
#include <string>
#include <vector>

#include "simulated_scene.hpp"
#include "tilecompile/simulate/simulate_raw.hpp"

namespace tilecompile {

struct SkyPoint {
  double x = 0, y = 0;  ///< px
};

/// Where the sky falls on the detector in one frame; formulas in simulate_raw.hpp (`truth/transforms.csv`).
struct RawTransform {
  double a = 1, b = 0, c = 0, d = 1, tx = 0, ty = 0, k = 0;
  double cx = 0, cy = 0;  ///< centre of the detector, px

  SkyPoint on_detector(double x, double y) const;
  /// The way back; the distortion by fixed-point rounds.
  SkyPoint on_sky(double column, double row) const;
};

/// The sky of all frames; the middle of its plane is the centre of the field.
struct RawSky {
  SimulatedScene scene;
  int width = 0, height = 0;  ///< px
};

/// What the sensor does to light, fixed over the night.
struct RawSensor {
  Plane<float> bias;                 ///< ADU
  Plane<float> dark;                 ///< electrons per second
  Plane<float> flat;                 ///< share of the light, 1 in its brightest place
  std::vector<HotPixel> hot_pixels;  ///< level: electrons per second
};

/// Channel (0 red, 1 green, 2 blue) of a pixel of a frame whose first row is the top one; 0 for mono.
int filter_at(const std::string& cfa, int x, int y);

/// Transforms of all frames: drift, dither, rotation, flip, refraction, distortion.
std::vector<RawTransform> make_raw_transforms(const RawNightOptions& options);

RawSensor make_raw_sensor(const RawNightOptions& options);

/// Light of the sky in ADU on every pixel of a frame, before the sensor sees it.
Plane<float> raw_scene_light(const RawSky& sky, const SimulatedConditions& conditions,
                             const RawTransform& transform, const RawNightOptions& options, int frame);

/// Codes of an exposure: light (ADU; may be empty for none) through flat, dark current of `exposure_s`,
/// noise, bias. `stream` and `number` choose the noise.
Plane<std::uint16_t> expose_raw(const RawSensor& sensor, const Plane<float>& light, double exposure_s,
                                const SimulateOptions& night, std::uint64_t stream, int number);

/// As large as all frames see, with `stars` stars in a field of a frame's size.
RawSky make_raw_sky(const RawNightOptions& options);

}  // namespace tilecompile
