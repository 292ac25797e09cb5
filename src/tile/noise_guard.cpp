#include "noise_guard.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/smoothing.hpp"

namespace tilecompile {
namespace {

constexpr double kCoreInFwhm = 0.3, kSmallestCorePx = 1, kWider = 2.5;  // Gaussians of the band
constexpr double kTopOfPeak = 0.5;                                      // share of a peak that speaks for it
constexpr double kTroughInFwhm = 1.5, kPeakOverTrough = 1.5;            // less is the rim of a dark hole
constexpr double kCoreTo = 0.8, kCoreEnd = 1.3;                         // of the reach
constexpr double kAroundTo = 3.5, kAroundEnd = 5.5;  // FWHM: where the light of a star is kept

double smoothstep(double u) {
  const double v = std::clamp(u, 0.0, 1.0);
  return v * v * (3 - 2 * v);
}

// What is as small as a star: skies and wide structures of either sign are gone.
Plane<double> star_band(const Plane<double>& plane, double core_px) {
  Plane<double> band = gaussian_smooth(plane, core_px);
  const Plane<double> wide = gaussian_smooth(plane, kWider * core_px);
  for (std::size_t i = 0; i < band.size(); ++i) band.samples()[i] -= wide.samples()[i];
  return band;
}

Plane<double> without_holes(const Plane<float>& plane) {
  std::vector<double> known;
  for (const float v : plane.samples())
    if (v == v) known.push_back(v);
  const double level = median(std::move(known));
  Plane<double> filled(plane.width(), plane.height());
  for (std::size_t i = 0; i < filled.size(); ++i) {
    const double v = plane.samples()[i];
    filled.samples()[i] = v == v ? v : level;
  }
  return filled;
}

int whole_px(double px) { return std::max(1, static_cast<int>(std::floor(px + 0.5))); }

// Depth of the deepest pixel near by, above 0.
Plane<double> deepest(Plane<double> plane, int radius_px) {
  for (double& v : plane.samples()) v = -v;
  return maximum_filter(std::move(plane), radius_px);
}

struct Neighbour {
  int dx, dy;
  double share;
};

// A disc that is whole up to `to_px` and fades until `end_px`.
std::vector<Neighbour> disc(double to_px, double end_px) {
  std::vector<Neighbour> pixels;
  const int r = static_cast<int>(std::floor(end_px));
  for (int dy = -r; dy <= r; ++dy)
    for (int dx = -r; dx <= r; ++dx) {
      const double distance = std::sqrt(static_cast<double>(dx * dx + dy * dy));
      if (distance < end_px)
        pixels.push_back({dx, dy, 1 - smoothstep((distance - to_px) / (end_px - to_px))});
    }
  return pixels;
}

void open_around(int x, int y, double share, const std::vector<Neighbour>& pixels, Plane<double>& shares) {
  for (const Neighbour& n : pixels) {
    const int u = x + n.dx, v = y + n.dy;
    if (u < 0 || v < 0 || u >= shares.width() || v >= shares.height()) continue;
    shares.at(u, v) = std::max(shares.at(u, v), share * n.share);
  }
}

}  // namespace

GuardedStars guard_stars(const Plane<float>& sharp, const Plane<float>& quiet, const NoiseGuardParams& params,
                         double seeing_px) {
  Plane<double> difference(sharp.width(), sharp.height());
  for (std::size_t i = 0; i < difference.size(); ++i) {
    const double d = static_cast<double>(sharp.samples()[i]) - quiet.samples()[i];
    difference.samples()[i] = d == d ? d : 0;
  }
  const double core_px = std::max(kSmallestCorePx, kCoreInFwhm * seeing_px);
  const Plane<double> gain = star_band(difference, core_px);
  GuardedStars stars{Plane<double>(sharp.width(), sharp.height()),
                     Plane<double>(sharp.width(), sharp.height())};
  const double sd = robust_sd(gain.samples());
  if (!(sd > 0)) return stars;
  const Plane<double> excess = star_band(without_holes(quiet), core_px);
  const Plane<double> peak = maximum_filter(gain, whole_px(seeing_px));
  const Plane<double> trough = deepest(gain, whole_px(kTroughInFwhm * seeing_px));
  const double reach_px = std::max(1.0, params.reach_fwhm * seeing_px);
  const std::vector<Neighbour> core = disc(kCoreTo * reach_px, kCoreEnd * reach_px);
  const std::vector<Neighbour> around = disc(kAroundTo * seeing_px, kAroundEnd * seeing_px);
  Plane<double>& light = stars.light_left_out;
  for (int y = 0; y < light.height(); ++y)
    for (int x = 0; x < light.width(); ++x) {
      const double top = peak.at(x, y);
      const bool star = excess.at(x, y) > 0 && top >= kPeakOverTrough * trough.at(x, y);
      if (!star || gain.at(x, y) < kTopOfPeak * top) continue;
      const double share = smoothstep((gain.at(x, y) / sd - params.low) / (params.high - params.low));
      if (!(share > 0)) continue;
      open_around(x, y, share, core, stars.sharp_share);
      if (gain.at(x, y) >= top) open_around(x, y, share, around, light);
    }
  for (std::size_t i = 0; i < light.size(); ++i)
    light.samples()[i] *= (1 - stars.sharp_share.samples()[i]) * difference.samples()[i];
  light = gaussian_smooth(light, std::max(1.0, seeing_px));
  return stars;
}

}  // namespace tilecompile
