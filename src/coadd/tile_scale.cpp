#include "tilecompile/coadd/tile_scale.hpp"

#include <algorithm>
#include <cmath>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kSmallestMedian = 1e-6;
constexpr double kSignificantMedian = 10;                     // sigma
constexpr double kSmallestScale = 0.8, kLargestScale = 1.25;  // of a tile to the classical stack

}  // namespace

std::vector<TileScale> median_scales(const std::vector<double>& tile_median,
                                     const std::vector<double>& tile_background) {
  std::vector<double> present;
  for (const double m : tile_median)
    if (m == m) present.push_back(m);
  const double target = median(std::move(present));
  std::vector<TileScale> scales(tile_median.size());
  for (std::size_t t = 0; t < scales.size(); ++t) {
    const bool usable = std::abs(tile_median[t]) >= kSmallestMedian;
    scales[t] = {usable ? target / tile_median[t] : 1, tile_background[t]};
  }
  return scales;
}

TileScale reference_scale(const PlaneView<float>& tile, const PlaneView<float>& reference) {
  Plane<float> difference(tile.width, tile.height);
  for (int y = 0; y < tile.height; ++y)
    for (int x = 0; x < tile.width; ++x) difference.at(x, y) = reference.at(x, y) - tile.at(x, y);
  Distribution samples;
  samples.assign(difference.view(), 0);
  TileScale scale;
  scale.offset = clipped_location(samples, 0);
  const auto excess = [&](const PlaneView<float>& plane, double& background) {
    samples.assign(plane, 0);
    const Clipped clipped = clip(samples, 0);
    background = clipped.location;
    const double above = samples.median() - background;
    return above > kSignificantMedian * clipped.scale ? above : 0;
  };
  double of_reference = 0;
  const double expected = excess(reference, of_reference), found = excess(tile, scale.background);
  if (!(expected > 0 && found > 0)) return scale;
  scale.scale = std::clamp(expected / found, kSmallestScale, kLargestScale);
  scale.offset = of_reference - scale.background;
  return scale;
}

}  // namespace tilecompile
