#include "tilecompile/frame/floored_sky.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

namespace tilecompile {
namespace {

constexpr std::size_t kMostNames = 10;
// Shares below the mean of a Gaussian, and 1, 1.5 and 2 sigma above it.
constexpr double kMean = 0.5, kOneSigma = 0.8413447, kOneAndAHalf = 0.9331928, kTwoSigmas = 0.9772499;
constexpr double kSkyReach = 3;
constexpr double kLowestSky = 1 - kOneSigma;  // share of zeros when the sky is one sigma above 0

double quantile(std::vector<float>& values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

std::vector<float> valid_samples(const PlaneView<float>& plane) {
  std::vector<float> valid;
  for (int y = 0; y < plane.height; ++y)
    std::copy_if(plane.row(y), plane.row(y) + plane.width, std::back_inserter(valid),
                 [](float v) { return v == v; });
  return valid;
}

}  // namespace

double floored_share(const PlaneView<float>& plane, double background, double noise) {
  if (background > kSkyReach * noise) return 0;
  std::size_t valid = 0, zeros = 0;
  for (int y = 0; y < plane.height; ++y)
    for (int x = 0; x < plane.width; ++x) {
      const float v = plane.at(x, y);
      valid += v == v ? 1 : 0;
      zeros += v == 0 ? 1 : 0;
    }
  return valid == 0 ? 0 : static_cast<double>(zeros) / static_cast<double>(valid);
}

std::optional<double> floored_noise(const PlaneView<float>& plane, double background, double noise) {
  const double zeros = floored_share(plane, background, noise);
  if (zeros < kFlooredShare) return std::nullopt;
  std::vector<float> valid = valid_samples(plane);
  if (zeros < kMean) return quantile(valid, kOneSigma) - quantile(valid, kMean);
  if (zeros < kOneSigma) return 2 * (quantile(valid, kOneAndAHalf) - quantile(valid, kOneSigma));
  return 2 * (quantile(valid, kTwoSigmas) - quantile(valid, kOneAndAHalf));
}

std::vector<BadFrame> floored_backgrounds(const std::vector<double>& share,
                                          const std::vector<std::string>& frame_paths) {
  std::vector<BadFrame> bad;
  for (std::size_t f = 0; f < share.size(); ++f) {
    if (share[f] < kLowestSky) continue;
    char percent[24];
    std::snprintf(percent, sizeof percent, "%.0f %%", 100 * share[f]);
    bad.push_back(
        {frame_paths[f],
         std::string("its sky is clipped at 0 (") + percent +
             " of the samples), so I/B has no meaning; keep the sky pedestal when calibrating, or set "
             "normalization.mode: photometric"});
  }
  return bad;
}

std::vector<std::string> floored_warnings(const std::vector<double>& share,
                                          const std::vector<std::string>& frame_paths) {
  std::string names;
  std::size_t floored = 0;
  double most = 0;
  for (std::size_t f = 0; f < share.size(); ++f) {
    if (share[f] < kFlooredShare) continue;
    most = std::max(most, share[f]);
    if (++floored <= kMostNames) names += (floored > 1 ? ", " : "") + frame_paths[f];
  }
  if (floored == 0) return {};
  char percent[24];
  std::snprintf(percent, sizeof percent, "%.0f %%", 100 * most);
  return {std::to_string(floored) + (floored == 1 ? " frame is" : " frames are") + " clipped at 0 (up to " +
          percent + " of the samples): faint light is lost there, and fluxes come out too low; keep a " +
          "pedestal when calibrating, or save as floating point (" + names +
          (floored > kMostNames ? " ..." : "") + ")"};
}

}  // namespace tilecompile
