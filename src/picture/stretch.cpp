#include "stretch.hpp"

#include <algorithm>
#include <cmath>

namespace tilecompile {
namespace {

constexpr std::size_t kMostSamples = 200000;  // of a channel for its background
constexpr double kDeepestBelow = 2.8;         // black lies this many sigma below the background
constexpr double kBackgroundLevel = 0.2;      // grey of the background
constexpr double kLeastMidtone = 1e-9;

double quantile(std::vector<float>* samples, double q) {
  const auto at =
      samples->begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(samples->size() - 1));
  std::nth_element(samples->begin(), at, samples->end());
  return *at;
}

// The curve through (0, 0), (midtone, 1/2) and (1, 1).
double transfer(double midtone, double x) { return (midtone - 1) * x / ((2 * midtone - 1) * x - midtone); }

}  // namespace

double PreviewStretch::operator()(double value) const {
  return transfer(midtone, std::clamp((value - black) / (white - black), 0.0, 1.0));
}

PreviewStretch fit_stretch(const Plane<float>& plane) {
  std::vector<float> samples;
  // A step that shares no factor with common widths, so that columns are not favoured.
  const std::size_t step = plane.size() <= kMostSamples ? 1 : (plane.size() / kMostSamples) | 1;
  for (std::size_t i = 0; i < plane.size(); i += step)
    if (std::isfinite(plane.samples()[i])) samples.push_back(plane.samples()[i]);
  PreviewStretch stretch;
  if (samples.empty()) return stretch;
  double brightest = samples.front();
  for (const float v : plane.samples())
    if (std::isfinite(v)) brightest = std::max<double>(brightest, v);
  const double median = quantile(&samples, 0.5);
  for (float& v : samples) v = std::abs(v - static_cast<float>(median));
  double sigma = 1.4826 * quantile(&samples, 0.5);
  if (!(sigma > 0)) sigma = std::max(1e-6, std::abs(median) * 1e-3);
  stretch.black = median - kDeepestBelow * sigma;
  stretch.white = std::max(brightest, median + 50 * sigma);
  const double background = (median - stretch.black) / (stretch.white - stretch.black);
  // The curve is its own kind of inverse: the midtone that takes the background to a level.
  stretch.midtone = std::max(kLeastMidtone, transfer(kBackgroundLevel, background));
  return stretch;
}

std::vector<PreviewStretch> fit_stretches(const Image& image, bool linked) {
  std::vector<PreviewStretch> stretches;
  for (const Plane<float>& plane : image) stretches.push_back(fit_stretch(plane));
  if (!linked) return stretches;
  PreviewStretch mean{0, 0, 0};
  const auto count = static_cast<double>(stretches.size());
  for (const PreviewStretch& s : stretches) {
    mean.black += s.black / count;
    mean.white += s.white / count;
    mean.midtone += s.midtone / count;
  }
  return std::vector<PreviewStretch>(stretches.size(), mean);
}

}  // namespace tilecompile
