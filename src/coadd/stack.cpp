#include "tilecompile/coadd/stack.hpp"

#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

TILECOMPILE_VECTOR_BODY void add_maps_body(const std::int32_t* covered, const float* of_frame, std::size_t n,
                                           std::int32_t* __restrict coverage, double* __restrict weight) {
  for (std::size_t i = 0; i < n; ++i) {
    coverage[i] += covered[i];
    weight[i] += of_frame[i];
  }
}
TILECOMPILE_VECTOR_LEVELS(add_maps,
                          (const std::int32_t* covered, const float* of_frame, std::size_t n,
                           std::int32_t* coverage, double* weight),
                          (covered, of_frame, n, coverage, weight))

TILECOMPILE_VECTOR_BODY void add_frame_body(const float* pixels, const float* of_frame, const float* frames,
                                            std::size_t n, double* __restrict sum,
                                            double* __restrict variance, double* __restrict inverse_frames,
                                            std::int32_t* __restrict count) {
  for (std::size_t i = 0; i < n; ++i) {
    const bool valid = pixels[i] == pixels[i];
    sum[i] = valid ? sum[i] + pixels[i] : sum[i];
    variance[i] = valid ? variance[i] + of_frame[i] : variance[i];
    inverse_frames[i] = valid ? inverse_frames[i] + 1.0 / frames[i] : inverse_frames[i];
    count[i] += valid ? 1 : 0;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_frame,
                          (const float* pixels, const float* of_frame, const float* frames, std::size_t n,
                           double* sum, double* variance, double* inverse_frames, std::int32_t* count),
                          (pixels, of_frame, frames, n, sum, variance, inverse_frames, count))

}  // namespace

AverageStack::AverageStack(int width, int height)
    : sum_(width, height),
      weight_(width, height),
      variance_(width, height),
      inverse_frames_(width, height),
      count_(width, height),
      coverage_(width, height) {}

void AverageStack::add(const CoaddChannel& rows, int y0) {
  if (rows.pixels.width() != sum_.width() || y0 < 0 || y0 + rows.pixels.height() > sum_.height())
    throw ContractError("final stack: a synthetic frame has another shape");
  add_maps(rows.coverage.data(), rows.weight.data(), rows.pixels.size(), coverage_.row(y0), weight_.row(y0));
  add_frame(rows.pixels.data(), rows.variance.data(), rows.effective_frames.data(), rows.pixels.size(),
            sum_.row(y0), variance_.row(y0), inverse_frames_.row(y0), count_.row(y0));
}

CoaddChannel AverageStack::finish() const {
  const int w = sum_.width(), h = sum_.height();
  const Plane<float> nothing(w, h, std::numeric_limits<float>::quiet_NaN());
  CoaddChannel stack{nothing, coverage_, Plane<float>(w, h), nothing, Plane<float>(w, h)};
  for (std::size_t i = 0; i < sum_.size(); ++i) {
    stack.weight.samples()[i] = static_cast<float>(weight_.samples()[i]);
    const double n = count_.samples()[i];
    if (!(n > 0)) continue;
    stack.pixels.samples()[i] = static_cast<float>(sum_.samples()[i] / n);
    stack.variance.samples()[i] = static_cast<float>(variance_.samples()[i] / (n * n));
    stack.effective_frames.samples()[i] = static_cast<float>(n * n / inverse_frames_.samples()[i]);
  }
  return stack;
}

CoaddChannel weighted_average(const std::vector<CoaddTile>& parts) {
  if (parts.empty()) throw ContractError("weighted average of no tiles");
  const int w = parts.front().pixels->width(), h = parts.front().pixels->height();
  for (const CoaddTile& part : parts)
    if (part.pixels->width() != w || part.pixels->height() != h)
      throw ContractError("weighted average: the tiles have unequal shapes");
  const Plane<float> nothing(w, h, std::numeric_limits<float>::quiet_NaN());
  CoaddChannel mean{nothing, Plane<std::int32_t>(w, h), Plane<float>(w, h), nothing, Plane<float>(w, h)};
  for (std::size_t i = 0; i < nothing.size(); ++i) {
    double value = 0, weight = 0, variance = 0, squares = 0;
    for (const CoaddTile& part : parts) {
      mean.coverage.samples()[i] += part.coverage->samples()[i];
      const double v = part.pixels->samples()[i], part_weight = part.weight->samples()[i];
      if (v != v || !(part_weight > 0)) continue;
      value += part_weight * v;
      weight += part_weight;
      variance += part_weight * part_weight * part.variance->samples()[i];
      squares += part_weight * part_weight / part.effective_frames->samples()[i];
    }
    if (!(weight > 0)) continue;
    mean.pixels.samples()[i] = static_cast<float>(value / weight);
    mean.weight.samples()[i] = static_cast<float>(weight);
    mean.variance.samples()[i] = static_cast<float>(variance / (weight * weight));
    mean.effective_frames.samples()[i] = static_cast<float>(weight * weight / squares);
  }
  return mean;
}

}  // namespace tilecompile
