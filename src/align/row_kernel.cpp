#include "row_kernel.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

constexpr int kPhases = 1024, kPhaseBits = 10, kTapsBefore = 2;
constexpr int kRead = 8;                  // samples of a row that vectors read for six taps
constexpr double kBeyondImages_px = 2e6;  // beyond, a place in 1/1024 px is no 32-bit number
constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

double lanczos3(double x) {
  if (x == 0) return 1;
  if (x <= -3 || x >= 3) return 0;
  constexpr double kPi = 3.14159265358979311600;
  const auto sine = [](double half_turns) { return exact_cos_turns(0.5 * half_turns - 0.25); };
  return 3 * sine(x) * sine(x / 3) / (kPi * kPi * x * x);
}

std::array<KernelPhase, kPhases> make_phases() {
  std::array<KernelPhase, kPhases> table{};
  table[0].weight[2] = 1;  // a whole shift leaves the samples as they are
  for (std::size_t k = 1; k < kPhases; ++k) {
    auto& weight = table[k].weight;
    double sum = 0;
    for (std::size_t i = 0; i < kKernelTaps; ++i) {
      weight[i] = lanczos3(static_cast<double>(i) - 2 - static_cast<double>(k) / kPhases);
      sum += weight[i];
    }
    double off = 0;  // of their centre from the place, up to 0.02 px
    for (std::size_t i = 0; i < kKernelTaps; ++i) {
      weight[i] /= sum;
      off += weight[i] * (static_cast<double>(i) - 2 - static_cast<double>(k) / kPhases);
    }
    weight[2] += off;
    weight[3] -= off;
  }
  return table;
}

// Made before there are threads: a table set up at first use would be read half filled by some of them.
const std::array<KernelPhase, kPhases> kPhaseTable = make_phases();

// u, v: places of n pixels in the frame.
TILECOMPILE_VECTOR_BODY void cut_places_body(const double* __restrict u, const double* __restrict v, int n,
                                             int* __restrict whole, int* __restrict phase) {
  for (int k = 0; k < n; ++k) {
    const bool near = std::abs(u[k]) < kBeyondImages_px && std::abs(v[k]) < kBeyondImages_px;  // NaN is not
    const double at = near ? u[k] * kPhases + 0.5 : 0;
    int floor = static_cast<int>(at);
    floor -= at < floor ? 1 : 0;
    whole[k] = near ? (floor >> kPhaseBits) - kTapsBefore : RowPlaces::kNowhere;
    phase[k] = floor & (kPhases - 1);
  }
}
TILECOMPILE_VECTOR_LEVELS(cut_places, (const double* u, const double* v, int n, int* whole, int* phase),
                          (u, v, n, whole, phase))

TILECOMPILE_VECTOR_BODY void scale_areas_body(double unit, int n, double* area) {
  for (int k = 0; k < n; ++k) area[k] = unit * std::abs(area[k]);
}
TILECOMPILE_VECTOR_LEVELS(scale_areas, (double unit, int n, double* area), (unit, n, area))

// Lowest and highest of six samples of a row, for n first ones.
TILECOMPILE_VECTOR_BODY void extremes_of_row_body(const float* __restrict row, int n, float* __restrict low,
                                                  float* __restrict high) {
  for (int x = 0; x < n; ++x) {
    float least = row[x], most = row[x];
    for (int i = 1; i < kKernelTaps; ++i) {
      const float s = row[x + i];
      least = s < least ? s : least;
      most = s > most ? s : most;
    }
    low[x] = least;
    high[x] = most;
  }
}
TILECOMPILE_VECTOR_LEVELS(extremes_of_row, (const float* row, int n, float* low, float* high),
                          (row, n, low, high))

// Of six rows of extremes those of all, into the first.
TILECOMPILE_VECTOR_BODY void extremes_of_rows_body(float* low, float* high, std::ptrdiff_t stride, int n) {
  for (int x = 0; x < n; ++x) {
    float least = low[x], most = high[x];
    for (int j = 1; j < kKernelTaps; ++j) {
      const float l = low[x + j * stride], h = high[x + j * stride];
      least = l < least ? l : least;
      most = h > most ? h : most;
    }
    low[x] = least;
    high[x] = most;
  }
}
TILECOMPILE_VECTOR_LEVELS(extremes_of_rows, (float* low, float* high, std::ptrdiff_t stride, int n),
                          (low, high, stride, n))

/// The columns under a kernel in vectors of kCount.
template <int kCount>
struct Columns {
  typedef double Doubles __attribute__((vector_size(8 * kCount)));
  typedef float Floats __attribute__((vector_size(4 * kCount)));
  static constexpr int kVectors = (kKernelTaps + kCount - 1) / kCount;
};

struct KernelRow {
  const float *corner, *lowest, *highest;  // at (0, 0) of the part
  std::ptrdiff_t stride;
  int x0, y0, width, height;  // of the part
  const int *x, *y, *phase_x, *phase_y;
  const double* area;
  int n;
};

// Samples above the lowest one are summed, so that a flat image keeps its value to the bit.
TILECOMPILE_VECTOR_BODY void sum_row_body(const KernelRow& r, float* result) {
  constexpr int kCount = kLanes / 2;
  using Taps = Columns<kCount>;
  static_assert(kCount * Taps::kVectors <= kRead);
  for (int k = 0; k < r.n; ++k) {
    const int x = r.x[k] - r.x0, y = r.y[k] - r.y0;
    result[k] = kNone;
    if (x < 0 || y < 0 || x > r.width - kRead || y > r.height - kKernelTaps) continue;
    const std::ptrdiff_t first = y * r.stride + x;
    const double lowest = r.lowest[first], highest = r.highest[first];
    const double* const across = kPhaseTable[static_cast<std::size_t>(r.phase_y[k])].weight.data();
    const double* const along = kPhaseTable[static_cast<std::size_t>(r.phase_x[k])].weight.data();
    typename Taps::Doubles columns[Taps::kVectors] = {};
    for (int j = 0; j < kKernelTaps; ++j)
      for (int v = 0; v < Taps::kVectors; ++v) {
        typename Taps::Floats samples;
        std::memcpy(&samples, r.corner + first + j * r.stride + v * kCount, sizeof samples);
        columns[v] += across[j] * (__builtin_convertvector(samples, typename Taps::Doubles) - lowest);
      }
    double column[kRead];
    std::memcpy(column, columns, sizeof columns);
    double sum = 0;
    for (int i = 0; i < kKernelTaps; ++i) sum += along[i] * column[i];
    result[k] = static_cast<float>(r.area[k] * clamped(sum, lowest, highest));
  }
}
TILECOMPILE_VECTOR_LEVELS(sum_row, (const KernelRow& r, float* result), (r, result))

}  // namespace

const KernelPhase& kernel_phase(int phase) { return kPhaseTable[static_cast<std::size_t>(phase)]; }

void find_places(const RowTransform& row, double unit_area, const std::vector<double>& p, RowPlaces& places) {
  const int n = static_cast<int>(p.size());
  std::vector<double> u(p.size()), v(p.size());
  row.carry(p.data(), n, u.data(), v.data(), places.area.data());
  cut_places(u.data(), v.data(), n, places.x.data(), places.phase_x.data());
  cut_places(v.data(), u.data(), n, places.y.data(), places.phase_y.data());
  scale_areas(unit_area, n, places.area.data());
}

KernelPart::KernelPart(const FramePart& part) : part_(part) {
  const int columns = part.box.w - kKernelTaps + 1, rows = part.box.h - kKernelTaps + 1;
  if (columns <= 0 || rows <= 0) return;
  stride_ = part.samples.stride;
  const auto size = static_cast<std::size_t>(stride_) * static_cast<std::size_t>(part.box.h);
  lowest_ = std::make_unique_for_overwrite<float[]>(size);
  highest_ = std::make_unique_for_overwrite<float[]>(size);
  for (int y = 0; y < part.box.h; ++y)
    extremes_of_row(part.samples.row(y), columns, lowest_.get() + y * stride_, highest_.get() + y * stride_);
  for (int y = 0; y < rows; ++y)
    extremes_of_rows(lowest_.get() + y * stride_, highest_.get() + y * stride_, stride_, columns);
}

void KernelPart::add_row(const RowPlaces& places, float* result) const {
  const int n = static_cast<int>(places.x.size());
  if (!lowest_) {
    std::fill_n(result, n, kNone);
    return;
  }
  sum_row({part_.samples.data, lowest_.get(), highest_.get(), stride_, part_.box.x0, part_.box.y0,
           part_.box.w, part_.box.h, places.x.data(), places.y.data(), places.phase_x.data(),
           places.phase_y.data(), places.area.data(), n},
          result);
}

}  // namespace tilecompile
