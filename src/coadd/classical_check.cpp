#include "tilecompile/coadd/classical_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kLevel = 0.25, kScale = 0.2, kOutlierSd = 12, kLeastShare = 1.2, kBlockSd = 8,
                 kBlockShare = 0.5;
constexpr int kBlock = 4, kReach = 3;
constexpr std::size_t kFewest = 30;  // pixels that a figure is worth something of
constexpr double kSignalSd = 20;     // above the stack's median, of its noise
constexpr double kLeast = 1e-12;     // nothing is divided by less

/// Smallest and largest finite value of the stack around each pixel, by rows and then by columns.
struct Surroundings {
  double share;
  Plane<float> low, high;
  Surroundings(const PlaneView<float>& stack, double most_weight)
      : share(std::max(kLeastShare, most_weight)),
        low(stack.width, stack.height),
        high(stack.width, stack.height) {
    Plane<float> row_low(stack.width, stack.height), row_high(stack.width, stack.height);
    constexpr float kFar = 3.4e38F;
    for (int y = 0; y < stack.height; ++y)
      for (int x = 0; x < stack.width; ++x) {
        float least = kFar, most = -kFar;
        for (int i = std::max(0, x - kReach); i <= std::min(stack.width - 1, x + kReach); ++i) {
          const float v = stack.at(i, y);
          least = v < least ? v : least;
          most = v > most ? v : most;
        }
        row_low.at(x, y) = least;
        row_high.at(x, y) = most;
      }
    for (int y = 0; y < stack.height; ++y)
      for (int x = 0; x < stack.width; ++x) {
        float least = kFar, most = -kFar;
        for (int i = std::max(0, y - kReach); i <= std::min(stack.height - 1, y + kReach); ++i) {
          least = std::min(least, row_low.at(x, i));
          most = std::max(most, row_high.at(x, i));
        }
        low.at(x, y) = least;
        high.at(x, y) = most;
      }
  }
  double contrast(int x, int y) const {
    return share * std::max(0.0, static_cast<double>(high.at(x, y)) - static_cast<double>(low.at(x, y)));
  }
};

// Light within kReach of a pixel over `level`; NaN where a pixel is missing.
double light_around(const PlaneView<float>& plane, int x, int y, double level) {
  double sum = 0;
  for (int v = std::max(0, y - kReach); v <= std::min(plane.height - 1, y + kReach); ++v)
    for (int u = std::max(0, x - kReach); u <= std::min(plane.width - 1, x + kReach); ++u)
      sum += plane.at(u, v) - level;
  return sum;
}

// Of the light around what stands out, not of the pixels: a star that is sharper in the tile has the same
// light, closer together.
double scale_of_signal(const TileBesideStack& pair, double tile_level, double stack_level, double sd) {
  std::vector<double> ratios;
  for (int y = 0; y < pair.tile.height; ++y)
    for (int x = 0; x < pair.tile.width; ++x) {
      if (!(pair.stack.at(x, y) - stack_level > kSignalSd * sd)) continue;
      const double ratio =
          light_around(pair.tile, x, y, tile_level) / light_around(pair.stack, x, y, stack_level);
      if (ratio == ratio) ratios.push_back(ratio);
    }
  return ratios.size() < kFewest ? 0 : std::abs(median(std::move(ratios)) - 1) / kScale;
}

// The largest mean of D over blocks of 4 x 4 pixels that are all there.
double block_oddness(const Plane<double>& difference, const Surroundings& around, double sd) {
  double most = 0;
  for (int y0 = 0; y0 + kBlock <= difference.height(); y0 += kBlock / 2)
    for (int x0 = 0; x0 + kBlock <= difference.width(); x0 += kBlock / 2) {
      double sum = 0, contrast = 0;
      for (int y = y0; y < y0 + kBlock; ++y)
        for (int x = x0; x < x0 + kBlock; ++x) {
          sum += difference.at(x, y);
          contrast = std::max(contrast, around.contrast(x, y));
        }
      if (!(sum == sum)) continue;
      const double mean = std::abs(sum) / (kBlock * kBlock);
      most = std::max(most, mean / std::max(kLeast, kBlockSd * sd / kBlock + kBlockShare * contrast));
    }
  return most;
}

}  // namespace

TileOddness compare_with_stack(const TileBesideStack& pair) {
  std::vector<double> tile, stack, differences, noise;
  Plane<double> difference(pair.tile.width, pair.tile.height, std::nan(""));
  for (int y = 0; y < pair.tile.height; ++y)
    for (int x = 0; x < pair.tile.width; ++x) {
      const double d = static_cast<double>(pair.tile.at(x, y)) - static_cast<double>(pair.stack.at(x, y));
      if (!(d == d)) continue;
      difference.at(x, y) = d;
      differences.push_back(d);
      tile.push_back(pair.tile.at(x, y));
      stack.push_back(pair.stack.at(x, y));
      noise.push_back(static_cast<double>(pair.tile_variance.at(x, y)) +
                      static_cast<double>(pair.stack_variance.at(x, y)));
    }
  TileOddness odd;
  if (differences.size() < kFewest) return odd;
  const double shift = median(differences), spread = robust_sd(differences);
  const double sd = std::max(spread, std::sqrt(std::max(0.0, median(noise))));
  odd.level = std::abs(shift) / std::max(kLeast, kLevel * (pair.frame_noise + 2 * sd));
  odd.scale = scale_of_signal(pair, median(tile), median(stack), sd);
  const Surroundings around(pair.stack, pair.most_weight);
  for (int y = 0; y < pair.tile.height; ++y)
    for (int x = 0; x < pair.tile.width; ++x) {
      double& d = difference.at(x, y);
      if (!(d == d)) continue;
      d -= shift;
      const double own = std::sqrt(std::max(0.0, static_cast<double>(pair.tile_variance.at(x, y)) +
                                                     static_cast<double>(pair.stack_variance.at(x, y))));
      const double allowed = kOutlierSd * std::max(sd, own) + around.contrast(x, y);
      odd.outlier = std::max(odd.outlier, std::abs(d) / std::max(kLeast, allowed));
    }
  odd.block = block_oddness(difference, around, sd);
  return odd;
}

std::string TileOddness::text() const {
  std::string all;
  for (const auto& [name, value] : {std::pair{"level", level}, std::pair{"scale of signal", scale},
                                    std::pair{"outlier", outlier}, std::pair{"block of pixels", block}}) {
    if (value <= 1) continue;
    char part[64];
    std::snprintf(part, sizeof part, "%s%s %.3g times", all.empty() ? "" : ", ", name, value);
    all += part;
  }
  return all;
}

}  // namespace tilecompile
