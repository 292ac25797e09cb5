#include "tilecompile/coadd/classical_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/smoothing.hpp"

namespace tilecompile {
namespace {

constexpr double kLevel = 0.25, kScale = 0.2, kOutlierSd = 12, kLeastShare = 1.2, kBlockSd = 8,
                 kBlockShare = 0.5;
constexpr int kBlock = 4, kReach = 3;
constexpr std::size_t kFewest = 30;  // pixels that a figure is worth something of
constexpr double kSignalSd = 20;     // above the stack's median, of its noise
constexpr double kLeast = 1e-12;     // nothing is divided by less

/// What one pixel of a tile may differ by where the stack has structure.
class Contrast {
 public:
  Contrast(const PlaneView<float>& stack, double most_weight)
      : share_(std::max(kLeastShare, most_weight)),
        high_(largest_near(stack, 1)),
        minus_low_(largest_near(stack, -1)) {}
  double at(int x, int y) const { return share_ * std::max(0.0, high_.at(x, y) + minus_low_.at(x, y)); }

 private:
  // Largest of `sign` times the finite values around each pixel.
  static Plane<double> largest_near(const PlaneView<float>& stack, double sign) {
    constexpr double kNothing = -std::numeric_limits<float>::max();
    Plane<double> plane(stack.width, stack.height);
    for (int y = 0; y < stack.height; ++y)
      for (int x = 0; x < stack.width; ++x) {
        const double v = stack.at(x, y);
        plane.at(x, y) = v == v ? sign * v : kNothing;
      }
    return maximum_filter(std::move(plane), kReach);
  }
  double share_;
  Plane<double> high_, minus_low_;
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

// The largest mean of D over blocks of 4 x 4 pixels that are all there; `contrast`: none: no structure allows
// more.
double block_oddness(const Plane<double>& difference, const Contrast* contrast, double sd) {
  double most = 0;
  for (int y0 = 0; y0 + kBlock <= difference.height(); y0 += kBlock / 2)
    for (int x0 = 0; x0 + kBlock <= difference.width(); x0 += kBlock / 2) {
      double sum = 0, structure = 0;
      for (int y = y0; y < y0 + kBlock; ++y)
        for (int x = x0; x < x0 + kBlock; ++x) {
          sum += difference.at(x, y);
          if (contrast != nullptr) structure = std::max(structure, contrast->at(x, y));
        }
      if (!(sum == sum)) continue;
      const double mean = std::abs(sum) / (kBlock * kBlock);
      most = std::max(most, mean / std::max(kLeast, kBlockSd * sd / kBlock + kBlockShare * structure));
    }
  return most;
}

// The largest D of a pixel.
double pixel_oddness(const Plane<double>& difference, const TileBesideStack& pair, const Contrast* contrast,
                     double sd) {
  double most = 0;
  for (int y = 0; y < difference.height(); ++y)
    for (int x = 0; x < difference.width(); ++x) {
      const double d = difference.at(x, y);
      if (!(d == d)) continue;
      const double own = std::sqrt(std::max(0.0, static_cast<double>(pair.tile_variance.at(x, y)) +
                                                     static_cast<double>(pair.stack_variance.at(x, y))));
      const double allowed =
          kOutlierSd * std::max(sd, own) + (contrast != nullptr ? contrast->at(x, y) : 0.0);
      most = std::max(most, std::abs(d) / std::max(kLeast, allowed));
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
  for (double& d : difference.samples()) d -= shift;
  odd.outlier = pixel_oddness(difference, pair, nullptr, sd);
  odd.block = block_oddness(difference, nullptr, sd);
  if (odd.outlier <= 1 && odd.block <= 1) return odd;  // structure would allow still more
  const Contrast contrast(pair.stack, pair.most_weight);
  odd.outlier = pixel_oddness(difference, pair, &contrast, sd);
  odd.block = block_oddness(difference, &contrast, sd);
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
