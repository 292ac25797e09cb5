#include <algorithm>
#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

// Streams of the random numbers, one a purpose, so that one option leaves the rest of the night as it was.
enum Stream : std::uint64_t {
  kStars = 1,
  kGlow,
  kKnots,
  kHotPixels,
  kSeeing,
  kField,
  kClouds,
  kSky,
  kPointing,
  kEvents,
  kMovingObjects
};

constexpr double kFaintestFlux = 1500;    // ADU: SNR about 15 at FWHM 3 and the default sky
constexpr double kBrightestFlux = 4e5;    // below saturation at FWHM 3
constexpr double kBrightnessSlope = 1.2;  // N(> flux) ~ flux^-slope

std::vector<SimulatedStar> make_stars(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kStars);
  std::vector<SimulatedStar> stars(static_cast<std::size_t>(options.stars));
  std::uint64_t n = 0;
  for (auto& star : stars) {
    star.x = random.uniform(n) * options.width - 0.5;
    star.y = random.uniform(n + 1) * options.height - 0.5;
    star.flux = std::min(kBrightestFlux,
                         kFaintestFlux * exact_exp(-exact_log(random.uniform(n + 2)) / kBrightnessSlope));
    const double redness = 0.25 * random.gaussian(n + 3);
    star.colour = {1.0, exact_exp(-0.5 * redness), exact_exp(-redness)};
    n += 4;
  }
  std::stable_sort(stars.begin(), stars.end(), [](const auto& a, const auto& b) { return a.flux > b.flux; });
  return stars;
}

// A dozen broad Gaussians.
Plane<float> make_glow(const SimulateOptions& options) {
  Plane<float> glow(options.width, options.height);
  const CounterRandom random(options.seed, kGlow);
  const double scale = std::min(options.width, options.height);
  std::vector<double> across(static_cast<std::size_t>(options.width));
  for (std::uint64_t blob = 0; blob < 12; ++blob) {
    const std::uint64_t n = 8 * blob;
    const double x0 = random.uniform(n) * options.width, y0 = random.uniform(n + 1) * options.height;
    const double wide = scale * (0.05 + 0.2 * random.uniform(n + 2));
    const double high = wide * (0.5 + random.uniform(n + 3)), level = 10 + 40 * random.uniform(n + 4);
    for (int x = 0; x < options.width; ++x)
      across[static_cast<std::size_t>(x)] = exact_exp(-0.5 * (x - x0) * (x - x0) / (wide * wide));
    for (int y = 0; y < options.height; ++y) {
      const double along = level * exact_exp(-0.5 * (y - y0) * (y - y0) / (high * high));
      for (int x = 0; x < options.width; ++x)
        glow.row(y)[x] += static_cast<float>(along * across[static_cast<std::size_t>(x)]);
    }
  }
  return glow;
}

// Filaments: knots strung along random walks.
std::vector<SimulatedKnot> make_knots(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kKnots);
  std::vector<SimulatedKnot> knots;
  const int filaments = std::max(2, options.width * options.height / 100000);
  for (int filament = 0; filament < filaments; ++filament) {
    std::uint64_t n = static_cast<std::uint64_t>(filament) * 1000;
    double x = random.uniform(n) * options.width, y = random.uniform(n + 1) * options.height;
    double turns = random.uniform(n + 2);
    n += 3;
    for (int i = 0; i < 40; ++i, n += 4) {
      const double sigma = 1.5 * exact_exp(1.6 * random.uniform(n)), peak = 8 + 40 * random.uniform(n + 1);
      knots.push_back({x, y, sigma, peak * 6.283185307179586 * sigma * sigma});
      turns += 0.04 * random.gaussian(n + 2);
      const double step = 3 + 5 * random.uniform(n + 3);
      x += step * exact_cos_turns(turns);
      y += step * exact_cos_turns(turns - 0.25);
    }
  }
  return knots;
}

std::vector<HotPixel> make_hot_pixels(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kHotPixels);
  const double area = static_cast<double>(options.width) * options.height;
  std::vector<HotPixel> pixels(static_cast<std::size_t>(options.hot_pixel_fraction * area + 0.5));
  std::uint64_t n = 0;
  for (auto& pixel : pixels) {
    pixel = {static_cast<int>(random.uniform(n) * options.width),
             static_cast<int>(random.uniform(n + 1) * options.height),
             200 * exact_exp(4.6 * random.uniform(n + 2))};  // 200 .. 20000 ADU
    n += 3;
  }
  return pixels;
}

/// Their paths start inside the frame and are a quarter to the whole of its shorter side long.
std::vector<MovingObject> make_moving_objects(const SimulateOptions& options) {
  const CounterRandom random(options.seed, kMovingObjects);
  std::vector<MovingObject> objects(static_cast<std::size_t>(options.moving_objects));
  std::uint64_t n = 0;
  for (auto& object : objects) {
    const double path = std::min(options.width, options.height) * (0.25 + 0.75 * random.uniform(n + 2));
    const double turns = random.uniform(n + 3);
    object = {random.uniform(n) * options.width - 0.5, random.uniform(n + 1) * options.height - 0.5,
              path * exact_cos_turns(turns), path * exact_cos_turns(turns - 0.25),
              5000 * exact_exp(2.3 * random.uniform(n + 4))};  // 5000 .. 50000 ADU
    n += 5;
  }
  return objects;
}

/// Normal deviates with a memory of about 1 / (1 - memory) frames.
class Wandering {
 public:
  Wandering(const CounterRandom& random, double memory) : random_(random), memory_(memory) {}
  double next() {
    const double fresh = random_.gaussian(n_);
    state_ = n_ == 0 ? fresh : memory_ * state_ + std::sqrt(1 - memory_ * memory_) * fresh;
    ++n_;
    return state_;
  }

 private:
  CounterRandom random_;
  double memory_, state_ = 0;
  std::uint64_t n_ = 0;
};

void draw_events(const SimulateOptions& options, int frame, SimulatedConditions& c) {
  const CounterRandom random(options.seed, kEvents, static_cast<std::uint64_t>(frame));
  c.trail = random.uniform(0) < options.trail_probability;
  c.bad = random.uniform(1) < options.bad_fraction;
  if (!c.bad) return;
  if (random.uniform(2) < 0.5) {
    c.fwhm_px *= 2;
    return;
  }
  // tracking error: the minor axis stays
  c.axis_ratio = 0.5;
  c.fwhm_px *= std::sqrt(2.0);
  const double turns = random.uniform(3);
  c.cosine = exact_cos_turns(turns);
  c.sine = exact_cos_turns(turns - 0.25);
}

void draw_pointing(const SimulateOptions& options, int frame, SimulatedConditions& c) {
  if (options.drift_px <= 0) return;
  const CounterRandom random(options.seed, kPointing, static_cast<std::uint64_t>(frame));
  const double along = options.drift_px * (options.frames > 1 ? frame / (options.frames - 1.0) - 0.5 : 0.0);
  // whole pixels, so that a hot pixel stays one pixel; never so far that nothing is left
  const auto place = [](double offset, int size) {
    return std::clamp(static_cast<int>(std::floor(offset + 0.5)), -size / 2, size / 2);
  };
  c.dx = place(0.8 * along + 0.7 * random.gaussian(0), options.width);
  c.dy = place(0.6 * along + 0.7 * random.gaussian(1), options.height);
}

}  // namespace

double nebula_colour(int channel) { return channel == 0 ? 1.0 : channel == 1 ? 0.5 : 0.6; }

SimulatedScene make_scene(const SimulateOptions& options) {
  SimulatedScene scene;
  scene.stars = make_stars(options);
  if (options.nebula) {
    scene.glow = make_glow(options);
    scene.knots = make_knots(options);
  }
  scene.hot_pixels = make_hot_pixels(options);
  scene.moving_objects = make_moving_objects(options);
  return scene;
}

std::vector<SimulatedConditions> make_conditions(const SimulateOptions& options) {
  std::vector<SimulatedConditions> conditions(static_cast<std::size_t>(options.frames));
  Wandering seeing(CounterRandom(options.seed, kSeeing), 0.8),
      clouds(CounterRandom(options.seed, kClouds), 0.95);
  Wandering sky(CounterRandom(options.seed, kSky), 0.98);
  // rms of the five terms over the square, each given the same share of the variance
  constexpr double kTermRms[5] = {0.57735, 0.57735, 0.33333, 0.29814, 0.29814};
  for (int frame = 0; frame < options.frames; ++frame) {
    SimulatedConditions& c = conditions[static_cast<std::size_t>(frame)];
    c.fwhm_px = options.fwhm_px * exact_exp(options.fwhm_spread * seeing.next());
    const CounterRandom field(options.seed, kField, static_cast<std::uint64_t>(frame));
    for (std::size_t i = 0; i < 5; ++i)
      c.field[i] = options.seeing_field * field.gaussian(i) / (kTermRms[i] * std::sqrt(5.0));
    const double cover = 1.0 / (1.0 + exact_exp(-1.7 * clouds.next()));  // about even in 0..1
    c.transparency = 1.0 - options.clouds * cover * cover;
    c.sky_adu = options.sky_adu * exact_exp(0.05 * sky.next()) * (1.0 + 0.3 * (1.0 - c.transparency));
    c.sky_slope_x = 0.02 * c.sky_adu * field.gaussian(5);
    c.sky_slope_y = 0.02 * c.sky_adu * field.gaussian(6);
    draw_events(options, frame, c);
    draw_pointing(options, frame, c);
  }
  return conditions;
}

double local_fwhm(const SimulatedConditions& conditions, const SimulateOptions& options, double x, double y) {
  const double u = 2 * (x + 0.5) / options.width - 1, v = 2 * (y + 0.5) / options.height - 1;
  const auto& f = conditions.field;
  const double change =
      f[0] * u + f[1] * v + f[2] * u * v + f[3] * (u * u - 1.0 / 3) + f[4] * (v * v - 1.0 / 3);
  return conditions.fwhm_px * exact_exp(std::clamp(change, -0.7, 0.7));
}

}  // namespace tilecompile
