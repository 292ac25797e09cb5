#include "tilecompile/frame/calibration.hpp"

#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

TILECOMPILE_VECTOR_BODY void calibrate_row_body(const float* __restrict dark, const float* __restrict flat,
                                                int n, float* __restrict row) {
  if (dark != nullptr && flat != nullptr) {
    for (int x = 0; x < n; ++x)
      row[x] = static_cast<float>((static_cast<double>(row[x]) - static_cast<double>(dark[x])) /
                                  static_cast<double>(flat[x]));
  } else if (dark != nullptr) {
    for (int x = 0; x < n; ++x)
      row[x] = static_cast<float>(static_cast<double>(row[x]) - static_cast<double>(dark[x]));
  } else if (flat != nullptr) {
    for (int x = 0; x < n; ++x)
      row[x] = static_cast<float>(static_cast<double>(row[x]) / static_cast<double>(flat[x]));
  }
}
TILECOMPILE_VECTOR_LEVELS(calibrate_row, (const float* dark, const float* flat, int n, float* row),
                          (dark, flat, n, row))

}  // namespace

void calibrate(const CalibrationMasters& masters, const Box& where, float* samples) {
  for (int y = where.y0; y < where.y1(); ++y) {
    float* const row = samples + static_cast<std::ptrdiff_t>(y - where.y0) * where.w;
    calibrate_row(masters.dark.empty() ? nullptr : masters.dark.row(y) + where.x0,
                  masters.flat.empty() ? nullptr : masters.flat.row(y) + where.x0, where.w, row);
  }
}

Plane<float> scaled_dark(const Plane<float>& dark, const Plane<float>& bias, double ratio) {
  Plane<float> scaled(dark.width(), dark.height());
  for (std::size_t i = 0; i < dark.size(); ++i) {
    const double level = bias.samples()[i];
    scaled.samples()[i] = static_cast<float>(level + (dark.samples()[i] - level) * ratio);
  }
  return scaled;
}

Plane<float> dark_with_bias(const Plane<float>& dark, const Plane<float>& bias) {
  Plane<float> sum(dark.width(), dark.height());
  for (std::size_t i = 0; i < dark.size(); ++i)
    sum.samples()[i] = static_cast<float>(static_cast<double>(dark.samples()[i]) + bias.samples()[i]);
  return sum;
}

}  // namespace tilecompile
