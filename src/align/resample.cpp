#include "tilecompile/align/resample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/exact_math.hpp"

namespace tilecompile {
namespace {

constexpr int kTaps = 6, kPhases = 1024;
constexpr double kMostInvalid = 0.3;
constexpr double kDeepestRing = 0.02;     // of the range of the samples
constexpr double kBeyondImages_px = 1e8;  // beyond, a place does not convert to whole numbers
constexpr float kInvalid = std::numeric_limits<float>::quiet_NaN();

// Weights of the taps at -2 .. 3 from the whole part of a place; they sum to 1,
// and their centre is the place, so that a slope stays a slope and a star stays where it is.
using Phase = std::array<double, kTaps>;

double lanczos3(double x) {
  if (x == 0) return 1;
  if (x <= -3 || x >= 3) return 0;
  constexpr double kPi = 3.14159265358979311600;
  const auto sine = [](double half_turns) { return exact_cos_turns(0.5 * half_turns - 0.25); };
  return 3 * sine(x) * sine(x / 3) / (kPi * kPi * x * x);
}

std::array<Phase, kPhases> make_phases() {
  std::array<Phase, kPhases> table{};
  table[0][2] = 1;  // a whole shift leaves the samples as they are
  for (std::size_t k = 1; k < kPhases; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < kTaps; ++i) {
      table[k][i] = lanczos3(static_cast<double>(i) - 2 - static_cast<double>(k) / kPhases);
      sum += table[k][i];
    }
    double off = 0;  // of their centre from the place, up to 0.02 px
    for (std::size_t i = 0; i < kTaps; ++i) {
      table[k][i] /= sum;
      off += table[k][i] * (static_cast<double>(i) - 2 - static_cast<double>(k) / kPhases);
    }
    table[k][2] += off;
    table[k][3] -= off;
  }
  return table;
}

// Made before there are threads: a table set up at first use would be read half filled by some of them.
const std::array<Phase, kPhases> kPhaseTable = make_phases();

// `sum`: of weights times samples less `lowest`.
double clamped(double sum, double lowest, double highest) {
  return lowest + std::max(sum, -kDeepestRing * (highest - lowest));
}

// Samples above the lowest one are summed, so that a flat image keeps its value to the bit.
float whole_kernel(const float* corner, std::ptrdiff_t stride, const Phase& px, const Phase& py,
                   double area) {
  std::array<float, kTaps> least, most;
  for (std::size_t i = 0; i < kTaps; ++i) least[i] = most[i] = corner[i];
  for (int j = 1; j < kTaps; ++j)
    for (std::size_t i = 0; i < kTaps; ++i) {
      const float sample = corner[j * stride + static_cast<std::ptrdiff_t>(i)];
      least[i] = std::min(least[i], sample);
      most[i] = std::max(most[i], sample);
    }
  const double lowest = *std::min_element(least.begin(), least.end());
  const double highest = *std::max_element(most.begin(), most.end());
  std::array<double, kTaps> columns{};
  for (std::size_t j = 0; j < kTaps; ++j) {
    const float* row = corner + static_cast<std::ptrdiff_t>(j) * stride;
    for (std::size_t i = 0; i < kTaps; ++i) columns[i] += py[j] * (row[i] - lowest);
  }
  double sum = 0;
  for (std::size_t i = 0; i < kTaps; ++i) sum += px[i] * columns[i];
  return static_cast<float>(area * clamped(sum, lowest, highest));
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

float part_of_kernel(const FramePart& part, int x, int y, const Phase& px, const Phase& py, double area) {
  std::array<double, kTaps * kTaps> weight{}, sample{};
  std::size_t n = 0;
  double lost = 0, kept = 0;
  for (int j = 0; j < kTaps; ++j)
    for (int i = 0; i < kTaps; ++i) {
      const double w = px[static_cast<std::size_t>(i)] * py[static_cast<std::size_t>(j)];
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

struct Place {
  int whole;  // of the first tap
  std::size_t phase;
};

Place place_of(double at) {
  const auto k = static_cast<std::int64_t>(std::floor(at * kPhases + 0.5));
  return {static_cast<int>(k >> 10) - 2, static_cast<std::size_t>(k & (kPhases - 1))};
}

bool is_near(Point p) { return std::abs(p.x) < kBeyondImages_px && std::abs(p.y) < kBeyondImages_px; }

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

void resample(const Transform& t, const OutputGrid& grid, const Box& out, const FramePart& part,
              float* result) {
  const double unit = grid.step * grid.step;
  for (int y = out.y0; y < out.y1(); ++y) {
    const RowTransform row(t, grid.y(y));
    for (int x = out.x0; x < out.x1(); ++x, ++result) {
      const Point at = row.at(grid.x(x));
      *result = kInvalid;
      if (!is_near(at)) continue;
      const Place u = place_of(at.x), v = place_of(at.y);
      if (u.whole <= -kTaps || v.whole <= -kTaps || u.whole >= part.width || v.whole >= part.height) continue;
      const Phase &px = kPhaseTable[u.phase], &py = kPhaseTable[v.phase];
      const double area = unit * std::abs(row.area_at(grid.x(x)));
      if (Box{0, 0, part.width, part.height}.contains({u.whole, v.whole, kTaps, kTaps})) {
        if (!part.box.contains({u.whole, v.whole, kTaps, kTaps})) throw_not_read(u.whole, v.whole);
        const float* corner = part.samples.row(v.whole - part.box.y0) + (u.whole - part.box.x0);
        *result = whole_kernel(corner, part.samples.stride, px, py, area);
        if (is_valid(*result)) continue;
      }
      *result = part_of_kernel(part, u.whole, v.whole, px, py, area);
    }
  }
}

}  // namespace tilecompile
