#include "residual_noise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "tilecompile/image/sample_vectors.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr double kFarthestSigma = 3, kShareOfScale = 0.98658;  // standard deviation left by a cut at 3 sigma
constexpr int kFewestSamples = 64;
constexpr int kRounds = 2, kDrizzledRounds = 4;  // these begin with the noise of the interpolated frame
constexpr double kNoResidual = std::numeric_limits<double>::quiet_NaN();

// I' less the mean, and 1 where it counts: a sample that is kept, at a pixel that has a mean.
TILECOMPILE_VECTOR_BODY void find_residuals_body(const float* samples, const Normalization& n,
                                                 const double* mean, int width, double* __restrict residual) {
  const double offset = n.offset, gain = n.gain, pedestal = n.pedestal;
  for (int x = 0; x < width; ++x) residual[x] = (samples[x] - offset) * gain + pedestal - mean[x];
}
TILECOMPILE_VECTOR_LEVELS(find_residuals,
                          (const float* samples, const Normalization& n, const double* mean, int width,
                           double* residual),
                          (samples, n, mean, width, residual))

// Makes 0 of the residuals further than `limit` from `middle`, which NaN always is, and counts the others.
TILECOMPILE_VECTOR_BODY void keep_near_body(double* __restrict residual, int width, double middle,
                                            double limit, std::int64_t& count) {
  std::int64_t near = 0;
  for (int x = 0; x < width; ++x) {
    const double off = residual[x] - middle;
    const bool counts = (off <= limit) & (off >= -limit);
    residual[x] = counts ? residual[x] : 0.0;
    near += counts ? 1 : 0;
  }
  count += near;
}
TILECOMPILE_VECTOR_LEVELS(keep_near,
                          (double* residual, int width, double middle, double limit, std::int64_t& count),
                          (residual, width, middle, limit, count))

constexpr std::size_t kAtOnce = 8;  // cut-outs whose sums run side by side: a sum alone waits for itself

// Residuals of a cut-out within `limit` of `middle`.
struct Residuals {
  double sum = 0, squares = 0;
  std::int64_t count = 0;
  double mean() const { return sum / static_cast<double>(count); }
  double variance() const {
    return std::max(0.0, squares / static_cast<double>(count) - mean() * mean()) /
           (kShareOfScale * kShareOfScale);
  }
};

// Where a cut-out has got to.
struct Round {
  const WeightedCutout* cutout = nullptr;
  double left = 1;  // of its variance, about a mean that it is a part of
  double noise = 0, middle = 0, limit = 0;
  Residuals residuals{};

  // Adding the zeros of what does not count changes no sum. `row` has its residuals.
  void keep_row(int y, const double* mean, double* row) {
    const int width = cutout->samples.width;
    find_residuals(cutout->samples.row(y), cutout->normalization, mean, width, row);
    if (const std::uint8_t* const kept = cutout->kept_row(y))
      for (int x = 0; x < width; ++x) row[x] = kept[x] != 0 ? row[x] : kNoResidual;
    keep_near(row, width, middle, limit, residuals.count);
  }

  // False when nothing more can be learned.
  bool finish() {
    if (residuals.count < kFewestSamples || !(left > 0)) return false;
    const double residual_sd = std::sqrt(residuals.variance());
    middle = residuals.mean();
    limit = kFarthestSigma * residual_sd;
    noise = residual_sd / std::sqrt(left);
    return true;
  }
};

// Adds a row of each of kAtOnce cut-outs, [cut-out][x].
TILECOMPILE_VECTOR_BODY void add_side_by_side_body(const double* rows, std::size_t width, double* sum,
                                                   double* squares) {
  constexpr std::size_t kCount = kDoublesAVector<kLanes>, kVectors = kAtOnce / kCount;
  using Doubles = typename SampleVectors<kCount>::Doubles;
  Doubles s[kVectors], q[kVectors];
  std::memcpy(s, sum, sizeof s);
  std::memcpy(q, squares, sizeof q);
  for (std::size_t x = 0; x < width; ++x)
    for (std::size_t v = 0; v < kVectors; ++v) {
      Doubles r;
      for (std::size_t c = 0; c < kCount; ++c) r[c] = rows[(v * kCount + c) * width + x];
      s[v] += r;
      q[v] += r * r;
    }
  std::memcpy(sum, s, sizeof s);
  std::memcpy(squares, q, sizeof q);
}
TILECOMPILE_VECTOR_LEVELS(add_side_by_side,
                          (const double* rows, std::size_t width, double* sum, double* squares),
                          (rows, width, sum, squares))

// Of a drizzled frame on the sampled rows: the part of the pixels that it reaches, and the mean of the
// squares of its shares over the square of their mean.
struct SampledShares {
  double reached = 1, unevenness = 1;
};

SampledShares sampled_shares(const PlaneView<float>& shares) {
  double pixels = 0, any = 0, sum = 0, squares = 0;
  for (int y = 0; y < shares.height; y += kSampledRowStep)
    for (int x = 0; x < shares.width; ++x) {
      const double m = shares.at(x, y);
      pixels += 1;
      any += m > 0 ? 1 : 0;
      sum += m;
      squares += m * m;
    }
  if (!(sum > 0)) return {};
  return {any / pixels, squares * pixels / (sum * sum)};
}

// var(I - R) = sigma^2 (1 - 2 e + sum e^2) for frames of equal noise, e the frame's share of the weights.
// Where a drizzled frame has a sample, it is 1 / reached times as much of it; and the squares are those of
// shares that differ from pixel to pixel.
Round first_round(const WeightedCutout& cutout, double weights, double squares) {
  double own = cutout.weight / weights, all = squares / (weights * weights);
  if (cutout.shares.data != nullptr) {
    const SampledShares s = sampled_shares(cutout.shares);
    own /= s.reached;
    all *= s.unevenness;
  }
  return {&cutout, 1 - 2 * own + all, cutout.noise, 0, kFarthestSigma * cutout.noise};
}

// One round of up to kAtOnce cut-outs.
void add_residuals(std::vector<Round*>& some, const Plane<double>& mean) {
  const auto width = static_cast<std::size_t>(mean.width());
  std::vector<double> rows(width * kAtOnce);
  std::array<double, kAtOnce> sum{}, squares{};
  for (Round* round : some) round->residuals = {};
  for (int y = 0; y < mean.height(); ++y) {
    for (std::size_t k = 0; k < some.size(); ++k)
      some[k]->keep_row(y * kSampledRowStep, mean.row(y), rows.data() + k * width);
    add_side_by_side(rows.data(), width, sum.data(), squares.data());
  }
  for (std::size_t k = 0; k < some.size(); ++k) {
    some[k]->residuals.sum = sum[k];
    some[k]->residuals.squares = squares[k];
  }
}

}  // namespace

std::vector<double> residual_noise(const std::vector<WeightedCutout>& cutouts, const Plane<double>& mean,
                                   const std::vector<double>& frame_weight) {
  double weights = 0, squares = 0;
  for (const double w : frame_weight) {
    weights += w;
    squares += w * w;
  }
  std::vector<Round> all;
  std::vector<double> noise;
  for (const WeightedCutout& c : cutouts) all.push_back(first_round(c, weights, squares));
  for (std::size_t first = 0; first < all.size(); first += kAtOnce) {
    std::vector<Round*> some;
    for (std::size_t i = first; i < std::min(all.size(), first + kAtOnce); ++i) some.push_back(&all[i]);
    const int rounds = cutouts[first].shares.data == nullptr ? kRounds : kDrizzledRounds;
    for (int round = 0; round < rounds && !some.empty(); ++round) {
      add_residuals(some, mean);
      std::erase_if(some, [](Round* r) { return !r->finish(); });
    }
  }
  for (const Round& r : all) noise.push_back(r.noise);
  return noise;
}

}  // namespace tilecompile
