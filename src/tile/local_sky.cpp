#include "local_sky.hpp"

#include <cmath>
#include <cstddef>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kFewestSkyPixels = 64;
constexpr double kSkyClipSigma = 3;

WeightedMean plain_mean(std::vector<WeightedCutout> cutouts, int width, int height, int frame_chunk) {
  for (WeightedCutout& c : cutouts) {
    c.weight = 1;
    c.ramp = nullptr;
  }
  return weighted_mean(cutouts, width, height, frame_chunk);
}

// I' - C of a frame where the mean of the other frames is at most its own median over the frame.
std::vector<double> above_mean(const WeightedCutout& cutout, const WeightedMean& plain) {
  std::vector<double> above, others;
  for (int y = 0; y < plain.mean.height(); ++y)
    for (int x = 0; x < plain.mean.width(); ++x) {
      const float s = cutout.samples.row(y)[x];
      const std::int32_t frames = plain.coverage.at(x, y);
      if (s != s || frames < 2) continue;
      const double mean = plain.mean.at(x, y);
      above.push_back(cutout.normalization(s) - mean);
      others.push_back(mean - above.back() / (frames - 1));
    }
  const double highest = median(others);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < above.size(); ++i)
    if (others[i] <= highest) above[kept++] = above[i];
  above.resize(kept);
  return above;
}

// Mean of what lies within 3 robust standard deviations of the median, in the order given.
double clipped_mean(const std::vector<double>& values) {
  const double middle = median(values), limit = kSkyClipSigma * robust_sd(values);
  double sum = 0;
  int count = 0;
  for (const double v : values) {
    if (!(std::abs(v - middle) <= limit)) continue;
    sum += v;
    ++count;
  }
  return count > 0 ? sum / count : middle;
}

}  // namespace

std::vector<double> local_sky(const std::vector<WeightedCutout>& cutouts, int width, int height,
                              int frame_chunk) {
  const WeightedMean plain = plain_mean(cutouts, width, height, frame_chunk);
  std::vector<double> sky, pixels, weighted;
  for (const WeightedCutout& c : cutouts) {
    const std::vector<double> above = above_mean(c, plain);
    const bool enough = above.size() >= kFewestSkyPixels;
    sky.push_back(enough ? clipped_mean(above) : 0);
    pixels.push_back(enough ? static_cast<double>(above.size()) : 0);
    weighted.push_back(sky.back() * pixels.back());
  }
  const double all = frame_sum(pixels, frame_chunk);
  if (!(all > 0)) return sky;
  const double level = frame_sum(weighted, frame_chunk) / all;
  for (std::size_t f = 0; f < sky.size(); ++f)
    if (pixels[f] > 0) sky[f] -= level;
  return sky;
}

}  // namespace tilecompile
