#include "tilecompile/frame/star_shape.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gaussian_fit.hpp"
#include "tilecompile/image/median.hpp"

namespace tilecompile {
namespace {

constexpr double kFwhmPerSigma = 2.3548200450309493;
constexpr double kMinSnr = 5.0;
// rms of the smallest 80 % of |normal deviates|
constexpr double kTrimmed = 0.8, kTrimmedRms = 0.66160;

bool in_ring(int x, int y, int side) { return x < 2 || y < 2 || x >= side - 2 || y >= side - 2; }

/// Reads the box; false when a sample is outside or not finite. The two outermost pixels give the sky guess.
bool read_stamp(const PlaneView<float>& samples, int xc, int yc, int radius, Stamp& stamp) {
  if (radius < 3 || xc - radius < 0 || yc - radius < 0 || xc + radius >= samples.width ||
      yc + radius >= samples.height)
    return false;
  stamp.radius = std::min(radius, kMaxStampRadius);
  stamp.side = 2 * stamp.radius + 1;
  stamp.samples.resize(static_cast<std::size_t>(stamp.side) * static_cast<std::size_t>(stamp.side));
  for (int y = yc - radius; y <= yc + radius; ++y) {
    const float* const row = samples.row(y) + xc - radius;
    int wrong = 0;
    for (int x = 0; x < 2 * radius + 1; ++x) wrong += std::abs(row[x]) <= 3.4e38F ? 0 : 1;
    if (wrong > 0) return false;
  }
  std::vector<double> ring;
  ring.reserve(static_cast<std::size_t>(8 * stamp.side));
  for (int y = 0; y < stamp.side; ++y) {
    const float* from = samples.row(yc - stamp.radius + y) + xc - stamp.radius;
    for (int x = 0; x < stamp.side; ++x) {
      stamp.row(y)[x] = from[x];
      if (in_ring(x, y, stamp.side)) ring.push_back(from[x]);
    }
  }
  stamp.offset = value_of_rank(ring, ring.size() / 2);
  for (double& sample : stamp.samples) sample -= stamp.offset;
  return true;
}

/// Width from the number of pixels above half of the brightest near the centre, centre from their weighted
/// mean.
bool first_guess(const Stamp& stamp, double x, double y, Gaussian& g) {
  const int near = std::min(stamp.radius, 4);
  const int xc = stamp.radius, yc = stamp.radius;
  double peak = 0;
  for (int j = yc - 2; j <= yc + 2; ++j)
    for (int i = xc - 2; i <= xc + 2; ++i) peak = std::max(peak, stamp.row(j)[i]);
  if (!(peak > 0)) return false;
  double count = 0, weight = 0, sum_x = 0, sum_y = 0;
  for (const double sample : stamp.samples) count += sample - 0.5 * peak > 0 ? 1 : 0;
  for (int j = yc - near; j <= yc + near; ++j)
    for (int i = xc - near; i <= xc + near; ++i) {
      const double above = stamp.row(j)[i] - 0.5 * peak;
      if (!(above > 0)) continue;
      weight += above;
      sum_x += above * i;
      sum_y += above * j;
    }
  // pi (FWHM / 2)^2 = count
  const double sigma = std::max(0.6, 1.12838 * std::sqrt(count) / kFwhmPerSigma);
  g.x = x + std::clamp(sum_x / weight - x, -1.5, 1.5);
  g.y = y + std::clamp(sum_y / weight - y, -1.5, 1.5);
  g.a = g.c = 1.0 / (sigma * sigma);
  g.b = 0;
  return true;
}

/// Noise of a sample: differences of residuals at opposite places of the ring, where the wings of the star
/// cancel; rms of the smallest 80 %, which neither a neighbour nor whole-number codes upset.
double sky_scatter(const Stamp& stamp, const std::vector<double>& residuals) {
  std::vector<double> differences;
  differences.reserve(static_cast<std::size_t>(8 * stamp.side));
  const std::size_t last = residuals.size() - 1;
  std::size_t i = 0;
  for (int y = 0; y <= stamp.radius; ++y)
    for (int x = 0; x < stamp.side && i < residuals.size() / 2; ++x, ++i)
      if (in_ring(x, y, stamp.side)) differences.push_back(std::abs(residuals[i] - residuals[last - i]));
  std::vector<double> ordered = differences;
  const double limit =
      value_of_rank(ordered, static_cast<std::size_t>(kTrimmed * static_cast<double>(ordered.size())));
  double sum = 0, count = 0;
  for (double d : differences)
    if (d <= limit) {
      sum += d * d;
      count += 1;
    }
  return std::sqrt(0.5 * sum / count) / kTrimmedRms;
}

/// Replaces samples that no star of this shape can explain by the fit; returns how many.
int repair_outliers(Stamp& stamp, const std::vector<double>& residuals, double threshold) {
  int repaired = 0;
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    if (std::abs(residuals[i]) <= threshold) continue;
    stamp.samples[i] -= residuals[i];
    ++repaired;
  }
  return repaired;
}

}  // namespace

StarShape measure_star(const PlaneView<float>& samples, double x, double y, int radius_px) {
  // also refuses NaN, and keeps the conversion to int defined
  if (!(x > -0.5 && y > -0.5 && x < samples.width && y < samples.height)) return {};
  const int xc = static_cast<int>(std::floor(x + 0.5)), yc = static_cast<int>(std::floor(y + 0.5));
  Stamp stamp;
  if (!read_stamp(samples, xc, yc, radius_px, stamp)) return {};
  const double at_x = x - xc + stamp.radius, at_y = y - yc + stamp.radius;
  Gaussian g;
  if (!first_guess(stamp, at_x, at_y, g) || !fit_gaussian(stamp, at_x, at_y, g)) return {};
  const auto residuals = gaussian_residuals(stamp, g);
  const double scatter = sky_scatter(stamp, residuals);
  // a Moffat profile leaves up to a tenth of the peak; hot pixels and close neighbours more
  if (repair_outliers(stamp, residuals, 0.2 * g.amplitude + 6.0 * scatter) > 0 &&
      !fit_gaussian(stamp, at_x, at_y, g))
    return {};
  StarShape star;
  // Flux 2 pi A sigma^2 over the noise in the area 4 pi sigma^2 of the matched filter; the floor keeps the
  // ratio finite without noise.
  const double noise = std::max(scatter, 1e-6 * g.amplitude);
  star.snr = 1.7724538509055159 * g.amplitude * g.sigma() / noise;
  if (!(star.snr >= kMinSnr)) return {};
  star.measured = true;
  star.fwhm_px = kFwhmPerSigma * g.sigma();
  star.axis_ratio = std::min(1.0, g.minor_sigma() / g.major_sigma());
  star.ellipticity = 1.0 - star.axis_ratio;
  star.peak = g.amplitude;
  star.sky = g.sky + stamp.offset;
  star.x = g.x + xc - stamp.radius;
  star.y = g.y + yc - stamp.radius;
  return star;
}

}  // namespace tilecompile
