#include "tilecompile/frame/calibration.hpp"

namespace tilecompile {

void calibrate(const CalibrationMasters& masters, const Box& where, float* samples) {
  for (int y = where.y0; y < where.y1(); ++y) {
    float* const row = samples + static_cast<std::ptrdiff_t>(y - where.y0) * where.w;
    const float* const dark = masters.dark.empty() ? nullptr : masters.dark.row(y) + where.x0;
    const float* const flat = masters.flat.empty() ? nullptr : masters.flat.row(y) + where.x0;
    for (int x = 0; x < where.w; ++x) {
      double value = row[x];
      if (dark != nullptr) value -= dark[x];
      if (flat != nullptr) value /= flat[x];
      row[x] = static_cast<float>(value);
    }
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
