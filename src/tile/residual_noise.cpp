#include "residual_noise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kFarthestSigma = 3, kShareOfScale = 0.98658;  // standard deviation left by a cut at 3 sigma
constexpr int kFewestSamples = 64;
constexpr int kRounds = 2, kDrizzledRounds = 4;  // these begin with the noise of the interpolated frame
constexpr double kNoResidual = std::numeric_limits<double>::quiet_NaN();

// I' less the mean, and 1 where it counts: a sample that is kept, at a pixel that has a mean.
TILECOMPILE_VECTOR_BODY void find_residuals_body(const float* samples, const Normalization& n,
                                                 const double* mean, int width, double* __restrict residual) {
  const double offset = n.offset, gain = n.gain, pedestal = n.pedestal;
  for (int x = 0; x < width; ++x) residual[x] = (samples[x] - offset) * gain + pedestal - mean[x];
}
TILECOMPILE_VECTOR_LEVELS(find_residuals,
                          (const float* samples, const Normalization& n, const double* mean, int width,
                           double* residual),
                          (samples, n, mean, width, residual))

// Makes 0 of the residuals further than `limit` from `middle`, which NaN always is, and counts the others.
TILECOMPILE_VECTOR_BODY void keep_near_body(double* __restrict residual, int width, double middle,
                                            double limit, std::int64_t& count) {
  std::int64_t near = 0;
  for (int x = 0; x < width; ++x) {
    const double off = residual[x] - middle;
    const bool counts = (off <= limit) & (off >= -limit);
    residual[x] = counts ? residual[x] : 0.0;
    near += counts ? 1 : 0;
  }
  count += near;
}
TILECOMPILE_VECTOR_LEVELS(keep_near,
                          (double* residual, int width, double middle, double limit, std::int64_t& count),
                          (residual, width, middle, limit, count))

// Residuals of a cut-out within `limit` of `middle`.
struct Residuals {
  double sum = 0, squares = 0;
  std::int64_t count = 0;
  // `row` is scratch. Adding the zeros of what does not count changes no sum.
  void add(const WeightedCutout& cutout, int y, const double* mean, double middle, double limit,
           std::vector<double>& row) {
    const int width = cutout.samples.width;
    find_residuals(cutout.samples.row(y), cutout.normalization, mean, width, row.data());
    if (cutout.kept != nullptr) {
      const std::uint8_t* const kept = cutout.kept->row(y);
      for (int x = 0; x < width; ++x)
        row[static_cast<std::size_t>(x)] = kept[x] != 0 ? row[static_cast<std::size_t>(x)] : kNoResidual;
    }
    keep_near(row.data(), width, middle, limit, count);
    for (const double r : row) {
      sum += r;
      squares += r * r;
    }
  }
  double mean() const { return sum / static_cast<double>(count); }
  double variance() const {
    return std::max(0.0, squares / static_cast<double>(count) - mean() * mean()) /
           (kShareOfScale * kShareOfScale);
  }
};

// Of a drizzled frame on the sampled rows: the part of the pixels that it reaches, and the mean of the
// squares of its shares over the square of their mean.
struct SampledShares {
  double reached = 1, unevenness = 1;
};

SampledShares sampled_shares(const PlaneView<float>& shares) {
  double pixels = 0, any = 0, sum = 0, squares = 0;
  for (int y = 0; y < shares.height; y += kSampledRowStep)
    for (int x = 0; x < shares.width; ++x) {
      const double m = shares.at(x, y);
      pixels += 1;
      any += m > 0 ? 1 : 0;
      sum += m;
      squares += m * m;
    }
  if (!(sum > 0)) return {};
  return {any / pixels, squares * pixels / (sum * sum)};
}

// var(I - R) = sigma^2 (1 - 2 e + sum e^2) for frames of equal noise, e the frame's share of the weights.
// Where a drizzled frame has a sample, it is 1 / reached times as much of it; and the squares are those of
// shares that differ from pixel to pixel.
double noise_of(const WeightedCutout& cutout, const Plane<double>& mean, double weights, double squares) {
  double own = cutout.weight / weights, all = squares / (weights * weights);
  if (cutout.shares.data != nullptr) {
    const SampledShares s = sampled_shares(cutout.shares);
    own /= s.reached;
    all *= s.unevenness;
  }
  const double left = 1 - 2 * own + all;
  double noise = cutout.noise, middle = 0, limit = kFarthestSigma * cutout.noise;
  std::vector<double> scratch(static_cast<std::size_t>(cutout.samples.width));
  const int rounds = cutout.shares.data == nullptr ? kRounds : kDrizzledRounds;
  for (int round = 0; round < rounds; ++round) {
    Residuals residuals;
    for (int row = 0; row < mean.height(); ++row)
      residuals.add(cutout, row * kSampledRowStep, mean.row(row), middle, limit, scratch);
    if (residuals.count < kFewestSamples || !(left > 0)) return noise;
    const double residual_sd = std::sqrt(residuals.variance());
    middle = residuals.mean();
    limit = kFarthestSigma * residual_sd;
    noise = residual_sd / std::sqrt(left);
  }
  return noise;
}

}  // namespace

std::vector<double> residual_noise(const std::vector<WeightedCutout>& cutouts, const Plane<double>& mean,
                                   const std::vector<double>& frame_weight) {
  double weights = 0, squares = 0;
  for (const double w : frame_weight) {
    weights += w;
    squares += w * w;
  }
  std::vector<double> noise;
  for (const WeightedCutout& c : cutouts) noise.push_back(noise_of(c, mean, weights, squares));
  return noise;
}

}  // namespace tilecompile
