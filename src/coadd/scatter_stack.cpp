#include "tilecompile/coadd/scatter_stack.hpp"

#include <algorithm>
#include <limits>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kRowStep = 4;
constexpr std::size_t kFewestSamples = 64;
constexpr double kFarthestSigma = 3;

double level_of(const std::vector<double>& residuals, double noise) {
  const double middle = median(residuals);
  double sum = 0;
  int kept = 0;
  for (const double r : residuals) {
    if (r - middle > kFarthestSigma * noise || middle - r > kFarthestSigma * noise) continue;
    sum += r;
    ++kept;
  }
  return kept == 0 ? middle : sum / kept;
}

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
  Plane<double> rows(plane.width(), plane.height()), result = rows;
  for (int y = 0; y < plane.height(); ++y)
    for (int x = 0; x < plane.width(); ++x)
      for (int i = std::max(0, x - reach); i <= std::min(plane.width() - 1, x + reach); ++i)
        rows.at(x, y) += plane.at(i, y);
  for (int y = 0; y < plane.height(); ++y)
    for (int j = std::max(0, y - reach); j <= std::min(plane.height() - 1, y + reach); ++j)
      for (int x = 0; x < plane.width(); ++x) result.at(x, y) += rows.at(x, j);
  return result;
}

FrameLevels frame_levels(const PlaneView<float>& samples, const Normalization& normalization, double noise,
                         const Plane<float>& mean) {
  FrameLevels levels;
  levels.columns = (samples.width + kLevelCellPx - 1) / kLevelCellPx;
  std::vector<double> residuals;
  for (int y0 = 0; y0 < samples.height; y0 += kLevelCellPx)
    for (int x0 = 0; x0 < samples.width; x0 += kLevelCellPx) {
      for (const int step : {kRowStep, 1}) {
        residuals.clear();
        for (int y = y0; y < std::min(y0 + kLevelCellPx, samples.height); y += step)
          for (int x = x0; x < std::min(x0 + kLevelCellPx, samples.width); ++x)
            if (const float s = samples.at(x, y); s == s)
              residuals.push_back(normalization(s) - mean.at(x, y));
        if (residuals.size() >= kFewestSamples) break;
      }
      levels.level.push_back(residuals.empty() ? 0 : level_of(residuals, noise));
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

Plane<double> ScatterStack::squares() const {
  Plane<double> squares(total_.width(), total_.height());
  for (std::size_t i = 0; i < squares.size(); ++i)
    squares.samples()[i] = total_.samples()[i] + partial_.samples()[i];
  return squares;
}

Plane<float> ScatterStack::variance(double noise) const { return scatter_variance(squares(), count_, noise); }

Plane<float> scatter_variance(Plane<double> squares, const Plane<std::int32_t>& count, double noise) {
  Plane<double> freedom(squares.width(), squares.height());
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const std::int32_t n = count.samples()[i];
    if (n < 2) squares.samples()[i] = 0;
    if (n >= 2) freedom.samples()[i] = n - 1;
  }
  squares = scatter_window_sums(squares);
  freedom = scatter_window_sums(freedom);
  Plane<float> result(squares.width(), squares.height(), std::numeric_limits<float>::quiet_NaN());
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double n = count.samples()[i], of = freedom.samples()[i];
    if (n > 0)
      result.samples()[i] = static_cast<float>((of > 0 ? squares.samples()[i] / of : noise * noise) / n);
  }
  return result;
}

}  // namespace tilecompile
