#include "tilecompile/frame/star_shape.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tilecompile/image/gaussian_fit.hpp"
#include "tilecompile/image/median.hpp"
#include "tilecompile/image/sample_vectors.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kFwhmPerSigma = 2.3548200450309493;
constexpr double kMinSnr = 5.0;
// rms of the smallest 80 % of |normal deviates|
constexpr double kTrimmed = 0.8, kTrimmedRms = 0.66160;

/// How many of the values lie from `low` to `high`.
TILECOMPILE_VECTOR_BODY void count_within_body(const double* values, std::size_t n, double low, double high,
                                               std::size_t& count) {
  constexpr int kCount = kDoublesAVector<kLanes>;
  typename SampleVectors<kCount>::Masks within = {};
  std::size_t i = 0;
  for (; i + kCount <= n; i += kCount) {
    typename SampleVectors<kCount>::Doubles v;
    std::memcpy(&v, values + i, sizeof v);
    within -= (v >= low) & (v <= high);
  }
  for (int k = 0; k < kCount; ++k) count += static_cast<std::size_t>(within[k]);
  for (; i < n; ++i) count += values[i] >= low && values[i] <= high ? 1 : 0;
}
TILECOMPILE_VECTOR_LEVELS(count_within,
                          (const double* values, std::size_t n, double low, double high, std::size_t& count),
                          (values, n, low, high, count))

// The columns of row y that belong to the ring of the two outermost pixels, in order.
template <class Visit>
void visit_ring(int y, int side, Visit visit) {
  const bool all = y < 2 || y >= side - 2;
  for (int x = 0; x < side; x = !all && x == 1 ? side - 2 : x + 1) visit(x);
}

/// Reads the box; false when a sample is outside or not finite. The two outermost pixels give the sky guess.
bool read_stamp(const PlaneView<float>& samples, int xc, int yc, int radius, Stamp& stamp) {
  if (radius < 3 || xc - radius < 0 || yc - radius < 0 || xc + radius >= samples.width ||
      yc + radius >= samples.height)
    return false;
  stamp.radius = std::min(radius, kMaxStampRadius);
  stamp.side = 2 * stamp.radius + 1;
  stamp.samples.resize(static_cast<std::size_t>(stamp.side * stamp.side + kStampPad));
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
    std::copy(from, from + stamp.side, stamp.row(y));
    visit_ring(y, stamp.side, [&](int x) { ring.push_back(from[x]); });
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
  double weight = 0, sum_x = 0, sum_y = 0;
  std::size_t not_above = 0;
  count_within(stamp.samples.data(), stamp.pixels(), -INFINITY, 0.5 * peak, not_above);
  for (int j = yc - near; j <= yc + near; ++j)
    for (int i = xc - near; i <= xc + near; ++i) {
      const double above = stamp.row(j)[i] - 0.5 * peak;
      if (!(above > 0)) continue;
      weight += above;
      sum_x += above * i;
      sum_y += above * j;
    }
  // pi (FWHM / 2)^2 = count
  const double sigma =
      std::max(0.6, 1.12838 * std::sqrt(static_cast<double>(stamp.pixels() - not_above)) / kFwhmPerSigma);
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
  for (int y = 0; y <= stamp.radius; ++y)
    visit_ring(y, stamp.side, [&](int x) {
      const auto i = static_cast<std::size_t>(y * stamp.side + x);
      if (i < residuals.size() / 2) differences.push_back(std::abs(residuals[i] - residuals[last - i]));
    });
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
std::size_t repair_outliers(Stamp& stamp, const std::vector<double>& residuals, double threshold) {
  std::size_t good = 0;
  count_within(residuals.data(), residuals.size(), -threshold, threshold, good);
  for (std::size_t i = 0; i < residuals.size() && good < residuals.size(); ++i)
    if (!(std::abs(residuals[i]) <= threshold)) stamp.samples[i] -= residuals[i];
  return residuals.size() - good;
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
