#pragma once
#include <cmath>
#include <vector>

#include "tilecompile/align/star_list.hpp"
#include "tilecompile/align/transform.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {

/// How a frame of a made-up night lies on the sky: turned about the image's centre, sheared, moved, mirrored,
/// and bent by its own optics.
struct Pointing {
  double turn_deg = 0, dx = 0, dy = 0, scale = 1;
  double stretch = 0;     ///< differential refraction: along y
  double distortion = 0;  ///< px in the corners, cubic in the radius
  bool mirrored = false;
};

struct SkyField {
  int width = 1500, height = 1100, stars = 400;
  double false_share = 0.2;  ///< of the detections of a frame
  double snr = 20;           ///< of the faintest star
  double fwhm_px = 3;
};

/// Cubic radial distortion about the image's centre.
inline Point bent(const SkyField& f, Point p, double corner_px) {
  const double cx = 0.5 * f.width, cy = 0.5 * f.height, x = p.x - cx, y = p.y - cy;
  const double r2 = (x * x + y * y) / (cx * cx + cy * cy), k = corner_px * r2 / std::sqrt(cx * cx + cy * cy);
  return {p.x + k * x, p.y + k * y};
}

/// Where a place of the sky (px about the image's centre) is seen on a frame.
inline Point seen(const SkyField& f, const Pointing& how, Point sky) {
  const double turn = how.turn_deg / 57.295779513082323;
  const double x = sky.x * (how.mirrored ? -1 : 1), y = sky.y * (1 + how.stretch);
  return bent(f,
              {0.5 * f.width + how.dx + how.scale * (x * std::cos(turn) - y * std::sin(turn)),
               0.5 * f.height + how.dy + how.scale * (x * std::sin(turn) + y * std::cos(turn))},
              how.distortion);
}

/// A sky of stars around the field, four times its area: place and flux.
struct SkyStar {
  Point at;
  double flux;
};
inline std::vector<SkyStar> make_sky(const SkyField& f, std::uint64_t seed) {
  const CounterRandom random(seed, 1);
  std::vector<SkyStar> sky;
  const int n = f.stars * 4;
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<std::uint64_t>(i) * 3;
    sky.push_back(
        {{2.0 * f.width * (random.uniform(k) - 0.5), 2.0 * f.height * (random.uniform(k + 1) - 0.5)},
         f.snr * std::pow(random.uniform(k + 2), -0.8)});
  }
  return sky;
}

/// The detections of a frame, in no order, with errors as their SNR makes them, and false ones among them.
inline std::vector<FrameStar> observe(const SkyField& f, const Pointing& how, const std::vector<SkyStar>& sky,
                                      std::uint64_t seed) {
  const CounterRandom random(seed, 2);
  std::vector<FrameStar> found;
  std::uint64_t k = 0;
  const auto grid = [](double v) { return std::floor(v * 1024 + 0.5) / 1024; };
  for (const SkyStar& s : sky) {
    const Point at = seen(f, how, s.at);
    const double snr = s.flux, error = f.fwhm_px / (2.3548 * snr);
    const double ex = random.gaussian(k++), ey = random.gaussian(k++), ef = random.gaussian(k++);
    if (at.x < 8 || at.y < 8 || at.x > f.width - 8 || at.y > f.height - 8) continue;
    found.push_back(
        {grid(at.x + error * ex), grid(at.y + error * ey), s.flux * (1 + 0.05 * ef), f.fwhm_px, snr, false});
  }
  const auto wrong =
      static_cast<int>(f.false_share / (1 - f.false_share) * static_cast<double>(found.size()) + 0.5);
  for (int i = 0; i < wrong; ++i) {
    const double flux = f.snr * std::pow(random.uniform(k), -0.8);
    found.push_back({grid(8 + (f.width - 16) * random.uniform(k + 1)),
                     grid(8 + (f.height - 16) * random.uniform(k + 2)), flux, f.fwhm_px, flux, false});
    k += 3;
  }
  return found;
}

}  // namespace tilecompile
