#include <algorithm>
#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

enum SensorStream : std::uint64_t { kDust = 13, kBrightStars, kAsteroid };

constexpr double kSensorPi = 3.14159265358979311600;
constexpr double kRimPx = 2;                                  // half the width over which a shadow ends
constexpr double kFaintestBright = 1e6, kBrightestLog = 2.0;  // 1e6 .. 7.4e6 ADU: 2.4 to 18 times saturation
constexpr double kHaloShare = 0.03, kHaloFwhm = 6;            // of the flux; radius in median FWHM
constexpr double kStreakShare = 0.002;                        // of the flux, spread over the column

double soft_edge(double u) {
  const double v = std::clamp(u, 0.0, 1.0);
  return v * v * (3 - 2 * v);
}

// Reflections inside the telescope: they do not feel the seeing.
void add_halo(const BrightStar& star, double flux, double radius, Plane<float>& plane) {
  const double peak = kHaloShare * flux / (kSensorPi * radius * radius);
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x) {
      const double u = x - star.x, v = y - star.y, fall = 1 / (1 + (u * u + v * v) / (radius * radius));
      plane.at(x, y) += static_cast<float>(peak * fall * fall);
    }
}

// A detector that is read while it sees light smears every star along its column.
void add_streak(const BrightStar& star, double flux, double fwhm_px, Plane<float>& plane) {
  const double sigma = fwhm_px / 2.3548200450309493;
  const double peak = kStreakShare * flux / plane.height() / (std::sqrt(2 * kSensorPi) * sigma);
  const int first = std::max(0, static_cast<int>(std::ceil(star.x - 4 * sigma)));
  const int last = std::min(plane.width() - 1, static_cast<int>(std::floor(star.x + 4 * sigma)));
  for (int x = first; x <= last; ++x) {
    const double u = (x - star.x) / sigma;
    const auto added = static_cast<float>(peak * exact_exp(-0.5 * u * u));
    for (int y = 0; y < plane.height(); ++y) plane.at(x, y) += added;
  }
}

}  // namespace

void add_shadow(const DustShadow& d, int dx, int dy, Plane<float>& plane) {
  const double reach = d.radius_px + kRimPx, cx = d.x + dx, cy = d.y + dy;
  const auto inside = [](double at, int size) { return static_cast<int>(std::clamp(at, 0.0, size - 1.0)); };
  for (int y = inside(cy - reach, plane.height()); y <= inside(cy + reach, plane.height()); ++y)
    for (int x = inside(cx - reach, plane.width()); x <= inside(cx + reach, plane.width()); ++x) {
      const double r = std::sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)), u = r / d.radius_px;
      const double body = 0.6 + 0.4 * std::min(1.0, u * u);
      const double edge = soft_edge((d.radius_px + kRimPx - r) / (2 * kRimPx));
      plane.at(x, y) *= static_cast<float>(1 - d.depth * body * edge);
    }
}

std::vector<DustShadow> make_dust(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kDust);
  std::vector<DustShadow> dust(static_cast<std::size_t>(options.faults.dust_shadows));
  std::uint64_t n = 0;
  for (auto& d : dust) {
    d = {random.uniform(n) * options.width, random.uniform(n + 1) * options.height,
         6 + 14 * random.uniform(n + 2), 0.03 + 0.07 * random.uniform(n + 3)};
    n += 4;
  }
  return dust;
}

std::vector<BrightStar> make_bright_stars(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kBrightStars);
  std::vector<BrightStar> stars(static_cast<std::size_t>(options.faults.bright_stars));
  std::uint64_t n = 0;
  for (auto& star : stars) {
    star = {random.uniform(n) * options.width - 0.5, random.uniform(n + 1) * options.height - 0.5,
            kFaintestBright * exact_exp(kBrightestLog * random.uniform(n + 2))};
    n += 3;
  }
  std::stable_sort(stars.begin(), stars.end(), [](const auto& a, const auto& b) { return a.flux > b.flux; });
  return stars;
}

MovingObject make_asteroid(const SimulateOptions& options) {
  const double turns = CounterRandom(options.seed, kAsteroid).uniform(0);
  const double path = 0.7 * std::min(options.width, options.height);
  const double u = path * exact_cos_turns(turns), v = path * exact_cos_turns(turns - 0.25);
  return {0.5 * (options.width - u), 0.5 * (options.height - v), u, v, options.faults.asteroid_adu};
}

void add_bright_stars(const SimulatedScene& scene, const SimulatedConditions& conditions,
                      const SimulateOptions& options, Plane<float>& plane) {
  for (const BrightStar& star : scene.bright_stars) {
    const double flux = conditions.transparency * star.flux;
    add_star(star.x, star.y, flux, local_fwhm(conditions, options, star.x, star.y), conditions, plane);
    add_halo(star, flux, kHaloFwhm * options.fwhm_px, plane);
  }
}

void add_sensor_faults(const SimulatedScene& scene, const SimulatedConditions& conditions,
                       const SimulateOptions& options, Plane<float>& plane) {
  for (const DustShadow& d : scene.dust) add_shadow(d, conditions.dx, conditions.dy, plane);
  for (const BrightStar& star : scene.bright_stars)
    add_streak(star, conditions.transparency * star.flux, local_fwhm(conditions, options, star.x, star.y),
               plane);
}

}  // namespace tilecompile
