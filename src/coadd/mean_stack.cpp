#include "tilecompile/coadd/mean_stack.hpp"

#include <algorithm>
#include <limits>

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

TILECOMPILE_VECTOR_BODY void add_samples_body(const float* in, int width, const Normalization& n,
                                              double* __restrict partial, std::int32_t* __restrict count) {
  const double offset = n.offset, gain = n.gain, pedestal = n.pedestal;
  for (int x = 0; x < width; ++x) {
    const double v = (in[x] - offset) * gain + pedestal;
    const bool valid = in[x] == in[x];
    partial[x] += valid ? v : 0.0;
    count[x] += valid ? 1 : 0;
  }
}
TILECOMPILE_VECTOR_LEVELS(add_samples,
                          (const float* in, int width, const Normalization& n, double* partial,
                           std::int32_t* count),
                          (in, width, n, partial, count))

}  // namespace

MeanStack::MeanStack(int width, int height, int frame_chunk)
    : frame_chunk_(std::max(1, frame_chunk)),
      total_(width, height),
      partial_(width, height),
      count_(width, height) {}

void MeanStack::add_rows(int frame, const PlaneView<float>& samples, const Normalization& n, int y0, int y1) {
  const bool chunk_begins = frame % frame_chunk_ == 0;
  for (int y = y0; y < y1; ++y) {
    const float* in = samples.row(y);
    double *total = total_.row(y), *partial = partial_.row(y);
    std::int32_t* count = count_.row(y);
    if (chunk_begins)
      for (int x = 0; x < samples.width; ++x) {
        total[x] += partial[x];
        partial[x] = 0;
      }
    add_samples(in, samples.width, n, partial, count);
  }
}

Plane<float> MeanStack::mean() const {
  Plane<float> result(total_.width(), total_.height());
  mean_rows(0, total_.height(), result);
  return result;
}

void MeanStack::mean_rows(int y0, int y1, Plane<float>& mean) const {
  for (int y = y0; y < y1; ++y)
    for (int x = 0; x < total_.width(); ++x) {
      const std::int32_t n = count_.at(x, y);
      mean.at(x, y) = n > 0 ? static_cast<float>((total_.at(x, y) + partial_.at(x, y)) / n)
                            : std::numeric_limits<float>::quiet_NaN();
    }
}

}  // namespace tilecompile
