#include <algorithm>
#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr std::uint64_t kNoise = 101;  // stream of random numbers

constexpr double kPi = 3.14159265358979311600;
constexpr double kFwhmPerSigma = 2.3548200450309493;
constexpr double kMoffatWidth = 0.18920711500272103;  // 2^(1/4) - 1
constexpr double kNegligibleAdu = 0.02;               // profiles end where they fall below

struct Reach {
  int x0, x1, y0, y1;  // inclusive
};

Reach reach_of(const Plane<float>& plane, double x, double y, double radius) {
  const auto low = [](double at) { return static_cast<int>(std::ceil(std::clamp(at, 0.0, 1e6))); };
  const auto high = [](double at, int size) {
    return static_cast<int>(std::floor(std::clamp(at, -1.0, size - 1.0)));
  };
  return {low(x - radius), high(x + radius, plane.width()), low(y - radius),
          high(y + radius, plane.height())};
}

/// Moffat profile of beta 4: peak (1 + q)^-4, flux = peak pi alpha^2 / 3.
void add_moffat(double x, double y, double flux, double fwhm, const SimulatedConditions& c,
                Plane<float>& plane) {
  const double inverse_alpha2 = 4 * kMoffatWidth / (fwhm * fwhm);
  const double peak = 3 * flux * inverse_alpha2 / kPi;
  if (peak <= kNegligibleAdu) return;
  const double farthest = std::sqrt(std::sqrt(peak / kNegligibleAdu)) - 1;
  const Reach r = reach_of(plane, x, y, std::sqrt(farthest / (inverse_alpha2 * c.axis_ratio)));
  const double major = inverse_alpha2 * c.axis_ratio, minor = inverse_alpha2 / c.axis_ratio;
  const double a = major * c.cosine * c.cosine + minor * c.sine * c.sine;
  const double b = (major - minor) * c.cosine * c.sine;
  const double d = major * c.sine * c.sine + minor * c.cosine * c.cosine;
  for (int j = r.y0; j <= r.y1; ++j) {
    const double v = j - y;
    float* row = plane.row(j);
    for (int i = r.x0; i <= r.x1; ++i) {
      const double u = i - x;
      const double fall = 1.0 / (1.0 + u * (a * u + 2 * b * v) + d * v * v);
      row[i] += static_cast<float>(peak * (fall * fall) * (fall * fall));
    }
  }
}

void add_gaussian(double x, double y, double sigma, double flux, Plane<float>& plane) {
  const double peak = flux / (2 * kPi * sigma * sigma);
  if (peak <= kNegligibleAdu) return;
  const Reach r = reach_of(plane, x, y, sigma * std::sqrt(2 * exact_log(peak / kNegligibleAdu)));
  if (r.x0 > r.x1) return;
  std::vector<double> across(static_cast<std::size_t>(r.x1 - r.x0 + 1));
  const double width = -0.5 / (sigma * sigma);
  for (int i = r.x0; i <= r.x1; ++i)
    across[static_cast<std::size_t>(i - r.x0)] = exact_exp(width * (i - x) * (i - x));
  for (int j = r.y0; j <= r.y1; ++j) {
    const double along = peak * exact_exp(width * (j - y) * (j - y));
    for (int i = r.x0; i <= r.x1; ++i)
      plane.row(j)[i] += static_cast<float>(along * across[static_cast<std::size_t>(i - r.x0)]);
  }
}

/// 65536 equally probable normal deviates: one look-up a pixel and four pixels a draw.
const std::vector<float>& normal_table() {
  static const std::vector<float> table = [] {
    std::vector<double> values(65536);
    double square = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = normal_quantile((static_cast<double>(i) + 0.5) / 65536);
      square += values[i] * values[i];
    }
    const double scale = 1 / std::sqrt(square / 65536);
    std::vector<float> scaled;
    for (double value : values) scaled.push_back(static_cast<float>(scale * value));
    return scaled;
  }();
  return table;
}

}  // namespace

NormalDraws::NormalDraws(std::uint64_t seed) : table_(normal_table()), random_(seed) {}

namespace {

/// Photon and read noise, clipping, and nothing where the detector is not.
void expose(const CounterRandom& random, const SimulatedConditions& c, const SimulateOptions& options,
            Plane<float>& plane) {
  const auto per_electron = static_cast<float>(1 / options.gain_e_per_adu);
  const double read = options.read_noise_e / options.gain_e_per_adu;
  const auto read2 = static_cast<float>(read * read);
  const int x0 = std::max(0, c.dx), x1 = std::min(plane.width(), plane.width() + c.dx);
  for (int y = 0; y < plane.height(); ++y) {
    float* row = plane.row(y);
    if (y < c.dy || y >= plane.height() + c.dy) {
      std::fill(row, row + plane.width(), 0.0F);
      continue;
    }
    NormalDraws normal(random.bits(static_cast<std::uint64_t>(y)));
    for (int x = 0; x < plane.width(); ++x) {
      const float signal = std::max(0.0F, row[x]);
      // 1 is the least, as exact 0 means not covered
      row[x] = std::clamp(signal + normal.next() * std::sqrt(signal * per_electron + read2), 1.0F, 65535.0F);
    }
    std::fill(row, row + x0, 0.0F);
    std::fill(row + x1, row + plane.width(), 0.0F);
  }
}

}  // namespace

void add_star(double x, double y, double flux, double fwhm_px, const SimulatedConditions& conditions,
              Plane<float>& plane) {
  if (conditions.guiding.empty()) add_moffat(x, y, flux, fwhm_px, conditions, plane);
  for (const GuidingStep& step : conditions.guiding)
    add_moffat(x + step.x, y + step.y, step.share * flux, fwhm_px, conditions, plane);
}

void add_knot(const SimulatedKnot& knot, double fwhm_px, Plane<float>& plane) {
  const double seeing = fwhm_px / kFwhmPerSigma;
  add_gaussian(knot.x, knot.y, std::sqrt(knot.sigma_px * knot.sigma_px + seeing * seeing), knot.flux, plane);
}

void add_objects(const SimulatedScene& scene, const SimulatedConditions& conditions,
                 const SimulateOptions& options, int channel, Plane<float>& plane) {
  const double nebula = conditions.transparency * nebula_colour(channel);
  for (std::size_t i = 0; i < scene.glow.size(); ++i)
    plane.samples()[i] += static_cast<float>(nebula) * scene.glow.samples()[i];
  for (const SimulatedKnot& knot : scene.knots)
    add_knot({knot.x, knot.y, knot.sigma_px, nebula * knot.flux},
             local_fwhm(conditions, options, knot.x, knot.y), plane);
  for (const SimulatedStar& star : scene.stars)
    add_star(star.x, star.y,
             conditions.transparency * star.flux * star.colour[static_cast<std::size_t>(channel)],
             local_fwhm(conditions, options, star.x, star.y), conditions, plane);
  add_bright_stars(scene, conditions, options, plane);
}

void add_moving_object(const MovingObject& object, double share, const SimulatedConditions& conditions,
                       const SimulateOptions& options, Plane<float>& plane) {
  const double x = object.x0 + share * object.dx, y = object.y0 + share * object.dy;
  add_star(x, y, conditions.transparency * object.flux, local_fwhm(conditions, options, x, y), conditions,
           plane);
}

Plane<float> render_frame(const SimulatedScene& scene, const SimulatedConditions& conditions,
                          const SimulateOptions& options, int frame, int channel) {
  Plane<float> plane(options.width, options.height);
  for (int y = 0; y < options.height; ++y) {
    const double left = conditions.sky_adu + conditions.sky_slope_y * (2.0 * y / options.height - 1);
    for (int x = 0; x < options.width; ++x)
      plane.row(y)[x] = static_cast<float>(left + conditions.sky_slope_x * (2.0 * x / options.width - 1));
  }
  add_gradients(conditions, options, plane);
  add_objects(scene, conditions, options, channel, plane);
  shade(conditions, options, plane);
  for (const Defect& defect : frame_defects(scene, conditions, options, frame, channel))
    plane.at(defect.x, defect.y) += defect.adu;
  add_sensor_faults(scene, conditions, options, plane);
  const std::uint64_t part = 4 * static_cast<std::uint64_t>(frame) + static_cast<std::uint64_t>(channel);
  expose(CounterRandom(options.seed, kNoise, part), conditions, options, plane);
  cut_to_detector(conditions, options, plane);
  return plane;
}

}  // namespace tilecompile
