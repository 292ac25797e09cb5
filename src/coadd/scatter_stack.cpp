#include "tilecompile/coadd/scatter_stack.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kRowStep = 4;
constexpr std::ptrdiff_t kFewestSamples = 64;
constexpr double kFarthestSigma = 3;

double level_of(std::span<const double> residuals, double noise, std::vector<double>& scratch) {
  scratch.assign(residuals.begin(), residuals.end());
  const double middle = median_in_place(scratch), farthest = kFarthestSigma * noise;
  double sum = 0;
  int kept = 0;
  for (const double r : residuals) {
    const bool near = !(r - middle > farthest) && !(middle - r > farthest);
    sum += near ? r : 0.0;
    kept += near ? 1 : 0;
  }
  return kept == 0 ? middle : sum / kept;
}

TILECOMPILE_VECTOR_BODY void find_residuals_body(const float* in, const float* mean, int n,
                                                 const Normalization& of, double* __restrict residuals) {
  const double offset = of.offset, gain = of.gain, pedestal = of.pedestal;
  for (int x = 0; x < n; ++x) residuals[x] = (in[x] - offset) * gain + pedestal - mean[x];
}
TILECOMPILE_VECTOR_LEVELS(find_residuals,
                          (const float* in, const float* mean, int n, const Normalization& of,
                           double* residuals),
                          (in, mean, n, of, residuals))

TILECOMPILE_VECTOR_BODY void add_squares_body(const float* in, const float* mean, double level, int width,
                                              const Normalization& n, double* __restrict partial) {
  const double offset = n.offset, gain = n.gain, pedestal = n.pedestal;
  for (int x = 0; x < width; ++x) {
    const double r = (in[x] - offset) * gain + pedestal - mean[x] - level;
    partial[x] += in[x] == in[x] ? r * r : 0.0;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_squares,
                          (const float* in, const float* mean, double level, int width,
                           const Normalization& n, double* partial),
                          (in, mean, level, width, n, partial))

}  // namespace

Plane<double> scatter_window_sums(const Plane<double>& plane) {
  constexpr int reach = kScatterWindowPx / 2;
  static_assert(reach == 2);
  const int width = plane.width(), height = plane.height();
  Plane<double> rows(width, height), result(width, height);
  const auto sum_at = [&](const double* in, int x) {
    double sum = 0;
    for (int i = std::max(0, x - reach); i <= std::min(width - 1, x + reach); ++i) sum += in[i];
    return sum;
  };
  for (int y = 0; y < height; ++y) {
    const double* in = plane.row(y);
    double* out = rows.row(y);
    for (int x = 0; x < std::min(reach, width); ++x) out[x] = sum_at(in, x);
    for (int x = reach; x < width - reach; ++x)
      out[x] = in[x - 2] + in[x - 1] + in[x] + in[x + 1] + in[x + 2];
    for (int x = std::max(reach, width - reach); x < width; ++x) out[x] = sum_at(in, x);
  }
  for (int y = 0; y < height; ++y)
    for (int j = std::max(0, y - reach); j <= std::min(height - 1, y + reach); ++j)
      for (int x = 0; x < width; ++x) result.at(x, y) += rows.at(x, j);
  return result;
}

FrameLevels frame_levels(const PlaneView<float>& samples, const Normalization& normalization, double noise,
                         const Plane<float>& mean) {
  FrameLevels levels;
  levels.columns = (samples.width + kLevelCellPx - 1) / kLevelCellPx;
  std::vector<double> residuals(std::size_t{kLevelCellPx} * kLevelCellPx), scratch;
  for (int y0 = 0; y0 < samples.height; y0 += kLevelCellPx)
    for (int x0 = 0; x0 < samples.width; x0 += kLevelCellPx) {
      const int columns = std::min(kLevelCellPx, samples.width - x0);
      double* end = nullptr;
      for (const int step : {kRowStep, 1}) {
        end = residuals.data();
        for (int y = y0; y < std::min(y0 + kLevelCellPx, samples.height); y += step) {
          find_residuals(samples.row(y) + x0, mean.row(y) + x0, columns, normalization, end);
          end = std::remove_if(end, end + columns, [](double r) { return r != r; });  // no sample
        }
        if (end - residuals.data() >= kFewestSamples) break;
      }
      const std::span<const double> valid(residuals.data(), end);
      levels.level.push_back(valid.empty() ? 0 : level_of(valid, noise, scratch));
    }
  return levels;
}

ScatterStack::ScatterStack(const Plane<float>& mean, const Plane<std::int32_t>& count, int frame_chunk)
    : mean_(mean),
      count_(count),
      frame_chunk_(std::max(1, frame_chunk)),
      total_(mean.width(), mean.height()),
      partial_(mean.width(), mean.height()) {}

void ScatterStack::add_rows(int frame, const PlaneView<float>& samples, const Normalization& normalization,
                            const FrameLevels& levels, int y0, int y1) {
  const bool chunk_begins = frame % frame_chunk_ == 0;
  for (int y = y0; y < y1; ++y) {
    const float *in = samples.row(y), *mean = mean_.row(y);
    double *total = total_.row(y), *partial = partial_.row(y);
    if (chunk_begins)
      for (int x = 0; x < samples.width; ++x) {
        total[x] += partial[x];
        partial[x] = 0;
      }
    for (int x0 = 0; x0 < samples.width; x0 += kLevelCellPx) {
      const int columns = std::min(kLevelCellPx, samples.width - x0);
      add_squares(in + x0, mean + x0, levels.at(x0, y), columns, normalization, partial + x0);
    }
  }
}

Plane<double> ScatterStack::squares(int y0, int y1) const {
  Plane<double> squares(total_.width(), y1 - y0);
  for (int y = y0; y < y1; ++y)
    for (int x = 0; x < total_.width(); ++x) squares.at(x, y - y0) = total_.at(x, y) + partial_.at(x, y);
  return squares;
}

Plane<float> ScatterStack::variance(double noise) const {
  Plane<float> result(total_.width(), total_.height());
  scatter_variance([&](int from, int to) { return squares(from, to); }, count_, noise, 0, total_.height(),
                   result);
  return result;
}

void scatter_variance(const std::function<Plane<double>(int from, int to)>& squares_of,
                      const Plane<std::int32_t>& count, double noise, int y0, int y1,
                      Plane<float>& variance) {
  constexpr int reach = kScatterWindowPx / 2;
  const int from = std::max(0, y0 - reach), to = std::min(count.height(), y1 + reach);
  Plane<double> squares = squares_of(from, to), freedom(count.width(), to - from);
  for (int y = from; y < to; ++y)
    for (int x = 0; x < count.width(); ++x) {
      const std::int32_t n = count.at(x, y);
      if (n < 2) squares.at(x, y - from) = 0;
      if (n >= 2) freedom.at(x, y - from) = n - 1;
    }
  squares = scatter_window_sums(squares);
  freedom = scatter_window_sums(freedom);
  for (int y = y0; y < y1; ++y)
    for (int x = 0; x < count.width(); ++x) {
      const double n = count.at(x, y), of = freedom.at(x, y - from);
      variance.at(x, y) =
          n > 0 ? static_cast<float>((of > 0 ? squares.at(x, y - from) / of : noise * noise) / n)
                : std::numeric_limits<float>::quiet_NaN();
    }
}

}  // namespace tilecompile
