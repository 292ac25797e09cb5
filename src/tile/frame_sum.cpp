#include "tilecompile/tile/frame_sum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tilecompile {
namespace {

constexpr double kEpsilon = 1e-6;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// One of the sums of an image row: of a chunk while it runs, and of all chunks before it.
struct ChunkedRow {
  explicit ChunkedRow(std::size_t width) : total(width), chunk(width) {}
  std::vector<double> total, chunk;
  void clear() {
    std::fill(total.begin(), total.end(), 0.0);
    std::fill(chunk.begin(), chunk.end(), 0.0);
  }
  void end_chunk() {
    for (std::size_t x = 0; x < total.size(); ++x) {
      total[x] += chunk[x];
      chunk[x] = 0;
    }
  }
};

struct RowSums {
  explicit RowSums(std::size_t width)
      : value(width),
        weight(width),
        squares(width),
        variance(width),
        count(width),
        pixel_weight(width),
        all(width, 1) {}
  ChunkedRow value, weight, squares, variance;  // of w I', w, w^2, w^2 sigma^2
  std::vector<std::int32_t> count;
  std::vector<double> pixel_weight;  // w of the frame that is being added
  std::vector<std::uint8_t> all;

  void start_row() {
    for (ChunkedRow* sum : {&value, &weight, &squares, &variance}) sum->clear();
    std::fill(count.begin(), count.end(), 0);
  }
  void end_chunk() {
    for (ChunkedRow* sum : {&value, &weight, &squares, &variance}) sum->end_chunk();
  }
  void add(const float* samples, const std::uint8_t* kept, const Normalization& n, double sigma) {
    const std::size_t width = count.size();
    double *const v = value.chunk.data(), *const sw = weight.chunk.data();
    double *const s2 = squares.chunk.data(), *const sv = variance.chunk.data();
    const double* const pw = pixel_weight.data();
    std::int32_t* const c = count.data();
    const double sigma2 = sigma * sigma;
    for (std::size_t x = 0; x < width; ++x) {
      const float s = samples[x];
      const bool valid = s == s;
      const bool used = valid && kept[x] != 0;
      const double normalised = (s - n.offset) * n.gain + n.pedestal;
      const double w2 = pw[x] * pw[x];
      v[x] += used ? pw[x] * normalised : 0.0;
      sw[x] += used ? pw[x] : 0.0;
      s2[x] += used ? w2 : 0.0;
      sv[x] += used ? w2 * sigma2 : 0.0;
      c[x] += valid ? 1 : 0;
    }
  }
};

// Weights of one frame at the pixels of one row.
void weigh_row(const WeightedCutout& cutout, const PixelMix& mix, int y, std::vector<double>& w) {
  if (mix.sharp == nullptr) {
    std::fill(w.begin(), w.end(), cutout.weight);
  } else {
    const double *sharp = mix.sharp->row(y), *quiet = mix.quiet->row(y);
    for (std::size_t x = 0; x < w.size(); ++x)
      w[x] = quiet[x] * cutout.quiet_weight + sharp[x] * cutout.weight;
  }
  if (cutout.ramp == nullptr) return;
  const float* ramp = cutout.ramp->row(y);
  for (std::size_t x = 0; x < w.size(); ++x) w[x] *= ramp[x];
}

void sum_row(const std::vector<WeightedCutout>& cutouts, const PixelMix& mix, int y, std::size_t chunk,
             RowSums& sums) {
  sums.start_row();
  for (std::size_t begin = 0; begin < cutouts.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, cutouts.size());
    for (std::size_t f = begin; f < end; ++f) {
      const WeightedCutout& c = cutouts[f];
      weigh_row(c, mix, y, sums.pixel_weight);
      sums.add(c.samples.row(y), c.kept == nullptr ? sums.all.data() : c.kept->row(y), c.normalization,
               c.noise);
    }
    sums.end_chunk();
  }
}

// The same row with equal weights and nothing rejected.
void plain_row(const std::vector<WeightedCutout>& cutouts, int y, std::size_t chunk, RowSums& sums) {
  sums.start_row();
  std::fill(sums.pixel_weight.begin(), sums.pixel_weight.end(), 1.0);
  for (std::size_t begin = 0; begin < cutouts.size(); begin += chunk) {
    const std::size_t end = std::min(begin + chunk, cutouts.size());
    for (std::size_t f = begin; f < end; ++f)
      sums.add(cutouts[f].samples.row(y), sums.all.data(), cutouts[f].normalization, cutouts[f].noise);
    sums.end_chunk();
  }
}

void store_pixel(const RowSums& sums, int x, int y, WeightedMean& result) {
  const auto i = static_cast<std::size_t>(x);
  const double weight = sums.weight.total[i];
  result.mean.at(x, y) = static_cast<float>(sums.value.total[i] / weight);
  result.variance.at(x, y) = static_cast<float>(sums.variance.total[i] / (weight * weight));
  result.effective_frames.at(x, y) = static_cast<float>(weight * weight / sums.squares.total[i]);
}

}  // namespace

WeightedMean weighted_mean(const std::vector<WeightedCutout>& cutouts, int width, int height, int frame_chunk,
                           const PixelMix& mix, const Plane<std::uint8_t>* plain) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  WeightedMean result{Plane<float>(width, height, kNan), Plane<std::int32_t>(width, height),
                      Plane<float>(width, height), Plane<float>(width, height, kNan),
                      Plane<float>(width, height)};
  RowSums sums(static_cast<std::size_t>(width)), equal(static_cast<std::size_t>(width));
  for (int y = 0; y < height; ++y) {
    sum_row(cutouts, mix, y, chunk, sums);
    const auto below = [&](int x) { return sums.weight.total[static_cast<std::size_t>(x)] < kEpsilon; };
    const auto is_plain = [&](int x) { return below(x) || (plain != nullptr && plain->at(x, y) != 0); };
    bool needs_plain = false;
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      result.coverage.at(x, y) = sums.count[i];
      result.weight.at(x, y) = static_cast<float>(sums.weight.total[i]);
      if (sums.count[i] == 0) continue;
      result.fallback_used |= below(x);
      needs_plain |= is_plain(x);
      store_pixel(sums, x, y, result);
    }
    if (!needs_plain) continue;
    plain_row(cutouts, y, chunk, equal);
    for (int x = 0; x < width; ++x)
      if (equal.count[static_cast<std::size_t>(x)] > 0 && is_plain(x)) store_pixel(equal, x, y, result);
  }
  return result;
}

namespace {

constexpr int kRowStep = 4;
constexpr double kFarthestSigma = 3, kShareOfScale = 0.98658;  // standard deviation left by a cut at 3 sigma
constexpr int kFewestSamples = 64;

// Residuals of a cut-out within `limit` of `middle`.
struct Residuals {
  double sum = 0, squares = 0;
  int count = 0;
  void add(const WeightedCutout& cutout, int y, const ChunkedRow& value, const ChunkedRow& weight,
           double middle, double limit) {
    const float* samples = cutout.samples.row(y);
    const std::uint8_t* kept = cutout.kept == nullptr ? nullptr : cutout.kept->row(y);
    for (std::size_t x = 0; x < value.total.size(); ++x) {
      const float s = samples[x];
      if (s != s || (kept != nullptr && kept[x] == 0) || !(weight.total[x] > 0)) continue;
      const double residual = cutout.normalization(s) - value.total[x] / weight.total[x];
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

}  // namespace

std::vector<double> residual_noise(const std::vector<WeightedCutout>& cutouts, int width, int height,
                                   int frame_chunk) {
  const auto chunk = static_cast<std::size_t>(std::max(1, frame_chunk));
  std::vector<double> noise, limit, middle(cutouts.size());
  double weights = 0, squares = 0;
  for (const WeightedCutout& c : cutouts) {
    noise.push_back(c.noise);
    limit.push_back(kFarthestSigma * c.noise);
    weights += c.weight;
    squares += c.weight * c.weight;
  }
  RowSums sums(static_cast<std::size_t>(width));
  for (int round = 0; round < 2; ++round) {
    std::vector<Residuals> residuals(cutouts.size());
    for (int y = 0; y < height; y += kRowStep) {
      sum_row(cutouts, {}, y, chunk, sums);
      for (std::size_t f = 0; f < cutouts.size(); ++f)
        residuals[f].add(cutouts[f], y, sums.value, sums.weight, middle[f], limit[f]);
    }
    for (std::size_t f = 0; f < cutouts.size(); ++f) {
      if (residuals[f].count < kFewestSamples) continue;
      // var(I - R) = sigma^2 (1 - 2 e + sum e^2) for frames of equal noise, e the frame's share of the
      // weights
      const double left = 1 - 2 * cutouts[f].weight / weights + squares / (weights * weights);
      if (!(left > 0)) continue;
      const double residual_sd = std::sqrt(residuals[f].variance());
      middle[f] = residuals[f].mean();
      limit[f] = kFarthestSigma * residual_sd;
      noise[f] = residual_sd / std::sqrt(left);
    }
  }
  return noise;
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
