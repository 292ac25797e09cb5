#include "tilecompile/coadd/share_stack.hpp"

#include <algorithm>
#include <limits>

#include "tilecompile/coadd/scatter_stack.hpp"

namespace tilecompile {
namespace {

template <class T>
void copy_box(const Plane<T>& from, const Box& box, Plane<T>& to) {
  for (int y = 0; y < box.h; ++y) std::copy_n(from.row(y), box.w, to.row(box.y0 + y) + box.x0);
}

}  // namespace

ShareStack::ShareStack(int width, int height, int frame_chunk)
    : frame_chunk_(std::max(1, frame_chunk)),
      mean_(width, height),
      coverage_(width, height),
      extremes_(height),
      squares_(width, height),
      freedom_(width, height),
      factor_(width, height) {}

void ShareStack::add(const std::vector<WeightedCutout>& cutouts, const Box& box) {
  const WeightedMean mean = weighted_mean(cutouts, box.w, box.h, frame_chunk_);
  for (const WeightedCutout& c : cutouts) extremes_.add_rows(c.samples, c.normalization, 0, box.h, box.y0);
  copy_box(mean.mean, box, mean_);
  copy_box(mean.coverage, box, coverage_);
  std::vector<FrameLevels> levels;
  for (const WeightedCutout& c : cutouts)
    levels.push_back(frame_levels(c.samples, c.normalization, c.noise, mean.mean));
  for (int y = 0; y < box.h; ++y)
    for (int x = 0; x < box.w; ++x) {
      const PixelScatter s = scatter_at(cutouts, levels, mean.mean.at(x, y), x, y);
      if (!(s.shares > 0)) continue;
      squares_.at(box.x0 + x, box.y0 + y) = s.squares;
      freedom_.at(box.x0 + x, box.y0 + y) = s.shares - s.shares2 / s.shares;
      factor_.at(box.x0 + x, box.y0 + y) = s.shares2 / (s.shares * s.shares);
    }
}

ShareStack::PixelScatter ShareStack::scatter_at(const std::vector<WeightedCutout>& cutouts,
                                                const std::vector<FrameLevels>& levels, float mean, int x,
                                                int y) const {
  const auto step = static_cast<std::size_t>(frame_chunk_);
  PixelScatter all;
  for (std::size_t begin = 0; begin < cutouts.size(); begin += step) {
    PixelScatter part;
    for (std::size_t f = begin; f < std::min(cutouts.size(), begin + step); ++f) {
      const double m = cutouts[f].shares.at(x, y);
      if (!(m > 0)) continue;
      const double r = cutouts[f].normalization(cutouts[f].samples.at(x, y)) - static_cast<double>(mean) -
                       levels[f].at(x, y);
      part.squares += m * r * r;
      part.shares += m;
      part.shares2 += m * m;
    }
    all.squares += part.squares;
    all.shares += part.shares;
    all.shares2 += part.shares2;
  }
  return all;
}

Plane<float> ShareStack::variance(double noise) const {
  const Plane<double> squares = scatter_window_sums(squares_), freedom = scatter_window_sums(freedom_);
  Plane<float> variance(mean_.width(), mean_.height(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i < variance.size(); ++i) {
    if (coverage_.samples()[i] == 0) continue;
    const double of = freedom.samples()[i];
    const double one = of > 0 ? squares.samples()[i] / of : noise * noise;
    variance.samples()[i] = static_cast<float>(one * factor_.samples()[i]);
  }
  return variance;
}

}  // namespace tilecompile
