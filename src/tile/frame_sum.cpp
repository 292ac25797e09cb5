#include "tilecompile/tile/frame_sum.hpp"

#include <algorithm>
#include <limits>

namespace tilecompile {
namespace {

constexpr double kEpsilon = 1e-6;

// Sums of one image row: of a chunk while it runs, and of all chunks before it.
struct RowSums {
  explicit RowSums(std::size_t width)
      : value(width), weight(width), chunk_value(width), chunk_weight(width), count(width) {}
  std::vector<double> value, weight, chunk_value, chunk_weight;
  std::vector<std::int32_t> count;

  void start_row() {
    std::fill(value.begin(), value.end(), 0.0);
    std::fill(weight.begin(), weight.end(), 0.0);
    std::fill(chunk_value.begin(), chunk_value.end(), 0.0);
    std::fill(chunk_weight.begin(), chunk_weight.end(), 0.0);
    std::fill(count.begin(), count.end(), 0);
  }
  void add(const float* samples, const Normalization& n, double w) {
    const std::size_t width = value.size();
    double* const v = chunk_value.data();
    double* const sw = chunk_weight.data();
    std::int32_t* const c = count.data();
    for (std::size_t x = 0; x < width; ++x) {
      const float s = samples[x];
      const bool valid = s == s;
      const double normalised = (s - n.offset) * n.gain + n.pedestal;
      v[x] += valid ? w * normalised : 0.0;
      sw[x] += valid ? w : 0.0;
      c[x] += valid ? 1 : 0;
    }
  }
  void end_chunk() {
    for (std::size_t x = 0; x < value.size(); ++x) {
      value[x] += chunk_value[x];
      weight[x] += chunk_weight[x];
      chunk_value[x] = chunk_weight[x] = 0;
    }
  }
};

void sum_row(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, bool plain,
             RowSums& sums) {
  sums.start_row();
  for (std::size_t begin = 0; begin < cutouts.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, cutouts.size());
    for (std::size_t f = begin; f < end; ++f)
      sums.add(cutouts[f].samples.row(y), cutouts[f].normalization, plain ? 1.0 : cutouts[f].weight);
    sums.end_chunk();
  }
}

}  // namespace

WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height,
                           int frame_chunk) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  WeightedMean result{Plane<float>(width, height, std::numeric_limits<float>::quiet_NaN()),
                      Plane<std::int32_t>(width, height), Plane<float>(width, height)};
  RowSums sums(static_cast<std::size_t>(width)), plain(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    sum_row(cutouts, y, chunk, false, sums);
    bool needs_plain = false;
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      result.coverage.at(x, y) = sums.count[i];
      result.weight.at(x, y) = static_cast<float>(sums.weight[i]);
      if (sums.count[i] == 0) continue;
      needs_plain |= sums.weight[i] < kEpsilon;
      result.mean.at(x, y) = static_cast<float>(sums.value[i] / sums.weight[i]);
    }
    if (!needs_plain) continue;
    result.fallback_used = true;
    sum_row(cutouts, y, chunk, true, plain);
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      if (sums.count[i] > 0 && sums.weight[i] < kEpsilon)
        result.mean.at(x, y) = static_cast<float>(plain.value[i] / plain.weight[i]);
    }
  }
  return result;
}

double frame_sum(const std::vector<double>& values, int frame_chunk) {
  double total = 0, partial = 0;
  for (std::size_t f = 0; f < values.size(); ++f) {
    partial += values[f];
    if ((f + 1) % static_cast<std::size_t>(std::max(1, frame_chunk)) != 0 && f + 1 != values.size()) continue;
    total += partial;
    partial = 0;
  }
  return total;
}

}  // namespace tilecompile
