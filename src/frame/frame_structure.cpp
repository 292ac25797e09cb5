#include "tilecompile/frame/frame_structure.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kCells = 16;  // a side
constexpr std::size_t kFewestCells = 32;
constexpr double kTellingStrength = 50;  // a fifth of it still correlates by 0.5 over 256 cells of noise
constexpr double kLeastSlope = 0.2, kLeastCorrelation = 0.3;
constexpr double kMedianNoise = 1.2533141373155;  // of a median, over that of a mean

using Values = std::vector<double>;

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void take_away(const Values& unit, Values& values) {
  const double share = dot(unit, values);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= share * unit[i];
}

// 1, x, y, x^2, x y, y^2 at these cells, made orthogonal and of length 1.
std::vector<Values> surface_terms(const std::vector<std::size_t>& cells) {
  std::vector<Values> terms(6, Values(cells.size()));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double x = static_cast<double>(cells[i] % kCells) / (kCells - 1) - 0.5;
    const double y = static_cast<double>(cells[i] / kCells) / (kCells - 1) - 0.5;
    const std::array<double, 6> at = {1, x, y, x * x, x * y, y * y};
    for (std::size_t k = 0; k < terms.size(); ++k) terms[k][i] = at[k];
  }
  for (std::size_t k = 0; k < terms.size(); ++k) {
    for (std::size_t before = 0; before < k; ++before) take_away(terms[before], terms[k]);
    const double length = std::sqrt(dot(terms[k], terms[k]));
    for (double& v : terms[k]) v = length > 1e-9 ? v / length : 0;
  }
  return terms;
}

}  // namespace

std::vector<double> structure_cells(const PlaneView<float>& plane) {
  Values cells, samples;
  for (int row = 0; row < kCells; ++row)
    for (int column = 0; column < kCells; ++column) {
      const int x0 = plane.width * column / kCells, x1 = plane.width * (column + 1) / kCells;
      const int y0 = plane.height * row / kCells, y1 = plane.height * (row + 1) / kCells;
      samples.clear();
      for (int y = y0; y < y1; ++y)
        for (int x = x0; x < x1; ++x)
          if (const float v = plane.at(x, y); v == v) samples.push_back(v);
      const std::size_t all = static_cast<std::size_t>(x1 - x0) * static_cast<std::size_t>(y1 - y0);
      const bool enough = all > 0 && 2 * samples.size() >= all;
      cells.push_back(enough ? median(samples) : std::numeric_limits<double>::quiet_NaN());
    }
  return cells;
}

bool StructureProof::telling() const { return strength >= kTellingStrength; }

bool StructureProof::bad() const {
  return telling() && slope < kLeastSlope && correlation < kLeastCorrelation;
}

StructureProof compare_structure(const std::vector<double>& frame, const std::vector<double>& reference,
                                 double noise, double samples_a_cell) {
  std::vector<std::size_t> common;
  Values f, r;
  for (std::size_t i = 0; i < frame.size() && i < reference.size(); ++i) {
    if (!(frame[i] == frame[i] && reference[i] == reference[i])) continue;
    common.push_back(i);
    f.push_back(frame[i]);
    r.push_back(reference[i]);
  }
  if (common.size() < kFewestCells) return {};
  for (const Values& term : surface_terms(common)) {
    take_away(term, f);
    take_away(term, r);
  }
  const double rr = dot(r, r), ff = dot(f, f), fr = dot(f, r);
  const double cell_noise = kMedianNoise * noise / std::sqrt(samples_a_cell);
  if (!(rr > 0 && ff > 0 && cell_noise > 0)) return {};
  return {std::sqrt(rr) / cell_noise, fr / rr, fr / std::sqrt(rr * ff)};
}

std::string describe_lacking_structure(const StructureProof& proof) {
  char text[160];
  std::snprintf(text, sizeof text,
                "shows nothing of the structure that the others show (%.0f %% of its brightness, correlation "
                "%.2f): a dark, closed roof, or cloud?",
                std::floor(100 * proof.slope + 0.5), proof.correlation);
  return text;
}

}  // namespace tilecompile
