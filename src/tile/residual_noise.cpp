#include "residual_noise.hpp"

#include <algorithm>
#include <cmath>

namespace tilecompile {
namespace {

constexpr double kFarthestSigma = 3, kShareOfScale = 0.98658;  // standard deviation left by a cut at 3 sigma
constexpr int kFewestSamples = 64;
constexpr int kRounds = 2;

// Residuals of a cut-out within `limit` of `middle`.
struct Residuals {
  double sum = 0, squares = 0;
  int count = 0;
  void add(const WeightedCutout& cutout, int y, const double* mean, double middle, double limit) {
    const float* samples = cutout.samples.row(y);
    const std::uint8_t* kept = cutout.kept == nullptr ? nullptr : cutout.kept->row(y);
    for (int x = 0; x < cutout.samples.width; ++x) {
      const float s = samples[x];
      if (s != s || (kept != nullptr && kept[x] == 0)) continue;
      const double residual = cutout.normalization(s) - mean[x];  // without a mean NaN, which no limit holds
      if (!(residual - middle <= limit && residual - middle >= -limit)) continue;
      sum += residual;
      squares += residual * residual;
      ++count;
    }
  }
  double mean() const { return sum / count; }
  double variance() const {
    return std::max(0.0, squares / count - mean() * mean()) / (kShareOfScale * kShareOfScale);
  }
};

// var(I - R) = sigma^2 (1 - 2 e + sum e^2) for frames of equal noise, e the frame's share of the weights.
double noise_of(const WeightedCutout& cutout, const Plane<double>& mean, double weights, double squares) {
  const double left = 1 - 2 * cutout.weight / weights + squares / (weights * weights);
  double noise = cutout.noise, middle = 0, limit = kFarthestSigma * cutout.noise;
  for (int round = 0; round < kRounds; ++round) {
    Residuals residuals;
    for (int row = 0; row < mean.height(); ++row)
      residuals.add(cutout, row * kSampledRowStep, mean.row(row), middle, limit);
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
