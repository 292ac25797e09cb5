#include "tilecompile/align/resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "row_kernel.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr double kMostInvalid = 0.3;
constexpr float kInvalid = std::numeric_limits<float>::quiet_NaN();

// Of a pixel of a row whose kernel the part of the frame is just wide enough for: as KernelPart does it.
float whole_kernel(const FramePart& part, int x, int y, const KernelPhase& px, const KernelPhase& py,
                   double area) {
  const PlaneView<float> taps = part.samples.window({x, y, kKernelTaps, kKernelTaps});
  float least = taps.at(0, 0), most = least;
  for (int j = 0; j < kKernelTaps; ++j)
    for (int i = 0; i < kKernelTaps; ++i) {
      least = std::min(least, taps.at(i, j));
      most = std::max(most, taps.at(i, j));
    }
  const double lowest = least;
  double sum = 0;
  for (std::size_t i = 0; i < kKernelTaps; ++i) {
    double column = 0;
    for (std::size_t j = 0; j < kKernelTaps; ++j)
      column += py.weight[j] * (taps.at(static_cast<int>(i), static_cast<int>(j)) - lowest);
    sum += px.weight[i] * column;
  }
  return static_cast<float>(area * clamped(sum, lowest, most));
}

bool is_valid(float sample) { return std::abs(sample) <= 3.4e38F; }

[[noreturn]] void throw_not_read(int x, int y) {
  throw ContractError("resampling needs pixel (" + std::to_string(x) + ", " + std::to_string(y) +
                      ") of a frame, which was not read");
}

// The sample at (x, y) of the frame, NaN outside of it.
float sample_at(const FramePart& part, int x, int y) {
  if (x < 0 || y < 0 || x >= part.width || y >= part.height) return kInvalid;
  if (x < part.box.x0 || y < part.box.y0 || x >= part.box.x1() || y >= part.box.y1()) throw_not_read(x, y);
  return part.samples.at(x - part.box.x0, y - part.box.y0);
}

float part_of_kernel(const FramePart& part, int x, int y, const KernelPhase& px, const KernelPhase& py,
                     double area) {
  std::array<double, kKernelTaps * kKernelTaps> weight{}, sample{};
  std::size_t n = 0;
  double lost = 0, kept = 0;
  for (int j = 0; j < kKernelTaps; ++j)
    for (int i = 0; i < kKernelTaps; ++i) {
      const double w = px.weight[static_cast<std::size_t>(i)] * py.weight[static_cast<std::size_t>(j)];
      if (w == 0) continue;
      const float s = sample_at(part, x + i, y + j);
      if (!is_valid(s)) {
        lost += std::abs(w);
        continue;
      }
      kept += w;
      weight[n] = w;
      sample[n++] = s;
    }
  if (lost > kMostInvalid || n == 0) return kInvalid;
  const auto [lowest, highest] =
      std::minmax_element(sample.begin(), sample.begin() + static_cast<std::ptrdiff_t>(n));
  double sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += weight[k] * (sample[k] - *lowest);
  return static_cast<float>(area * clamped(sum / kept, *lowest, *highest));
}

// A pixel that KernelPart could not make: at a border, or with invalid samples under its kernel.
float border_pixel(const FramePart& part, const RowPlaces& places, std::size_t k) {
  const int x = places.x[k], y = places.y[k];
  if (x <= -kKernelTaps || y <= -kKernelTaps || x >= part.width || y >= part.height) return kInvalid;
  const KernelPhase &px = kernel_phase(places.phase_x[k]), &py = kernel_phase(places.phase_y[k]);
  const Box taps{x, y, kKernelTaps, kKernelTaps};
  if (Box{0, 0, part.width, part.height}.contains(taps)) {
    if (!part.box.contains(taps)) throw_not_read(x, y);
    const float result = whole_kernel(part, x - part.box.x0, y - part.box.y0, px, py, places.area[k]);
    if (is_valid(result)) return result;
  }
  return part_of_kernel(part, x, y, px, py, places.area[k]);
}

}  // namespace

Box source_box(const Transform& t, const OutputGrid& grid, const Box& out, int width, int height) {
  double left = std::numeric_limits<double>::infinity(), top = left, right = -left, bottom = -left;
  const auto look = [&](const RowTransform& row, int column) {
    const Point at = row.at(grid.x(column));
    left = std::min(left, at.x);
    right = std::max(right, at.x);
    top = std::min(top, at.y);
    bottom = std::max(bottom, at.y);
  };
  for (int y = out.y0; y < out.y1(); ++y) {
    const RowTransform row(t, grid.y(y));
    const bool outline = y == out.y0 || y == out.y1() - 1;
    for (int x = out.x0; x < out.x1(); x += outline ? 1 : std::max(1, out.w - 1)) look(row, x);
  }
  const auto first = [](double at, int length) {
    return static_cast<int>(std::clamp(std::floor(at) - 3, 0.0, static_cast<double>(length)));
  };
  const auto last = [](double at, int length) {
    return static_cast<int>(std::clamp(std::floor(at) + 6, 0.0, static_cast<double>(length)));
  };
  const int x0 = first(left, width), y0 = first(top, height);
  return {x0, y0, std::max(0, last(right, width) - x0), std::max(0, last(bottom, height) - y0)};
}

void resample(const Transform& t, const OutputGrid& grid, const Box& out, const std::vector<FramePart>& parts,
              const std::vector<ResampledPlane>& results) {
  const std::vector<KernelPart> sources(parts.begin(), parts.end());
  const auto n = static_cast<std::size_t>(out.w);
  RowPlaces places(n);
  std::vector<double> p(n);
  for (int y = out.y0; y < out.y1(); ++y) {
    const RowTransform row(t, grid.y(y));
    if (y == out.y0)
      for (std::size_t k = 0; k < n; ++k) p[k] = row.scaled(grid.x(out.x0 + static_cast<int>(k)));
    find_places(row, grid.step * grid.step, p, places);
    for (std::size_t c = 0; c < sources.size(); ++c) {
      float* const result = results[c].samples + (y - out.y0) * results[c].stride;
      sources[c].add_row(places, result);
      for (std::size_t k = 0; k < n; ++k)
        if (!is_valid(result[k])) result[k] = border_pixel(parts[c], places, k);
    }
  }
}

void resample(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
              float* result) {
  resample(t, grid, out, std::vector{part}, {{result, out.w}});
}

}  // namespace tilecompile
