#include "tilecompile/frame/sky_samples.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr int kCellsAnInterval = 3;
constexpr int kPixelsAcross = 32;  // of a cell that are looked at
constexpr double kLeastCovered = 0.9;
constexpr std::size_t kFewestCellPixels = 32, kFewestSkyPixels = 16;
constexpr double kSkyClipSigma = 3;

struct Cells {
  std::vector<int> x, y;  // borders
  int across() const { return static_cast<int>(x.size()) - 1; }
  int down() const { return static_cast<int>(y.size()) - 1; }
};

std::vector<int> borders(int size, int intervals) {
  const int cells = kCellsAnInterval * intervals;
  std::vector<int> at;
  for (int i = 0; i <= cells; ++i)
    at.push_back(static_cast<int>(static_cast<std::int64_t>(size) * i / cells));
  return at;
}

// What is looked at of a box of pixels.
struct Lattice {
  int x0, x1, y0, y1, step_x, step_y;
};

int odd_step(int size) { return std::max(1, size / kPixelsAcross) | 1; }

Lattice lattice(const Cells& cells, int i0, int i1, int j0, int j1, int coarser) {
  const auto at = [](const std::vector<int>& v, int k) { return v[static_cast<std::size_t>(k)]; };
  return {at(cells.x, i0),
          at(cells.x, i1),
          at(cells.y, j0),
          at(cells.y, j1),
          coarser * odd_step(at(cells.x, 1)),
          coarser * odd_step(at(cells.y, 1))};
}

class FrameSky {
 public:
  FrameSky(const PlaneView<float>& plane, const Normalization& normalization, const SkyReference& reference)
      : plane_(plane), normalization_(normalization), reference_(reference) {}

  SkySample sample(const Lattice& cell, const Lattice& around) {
    if (!covers(cell)) return {};
    others_.clear();
    each(around, [&](int x, int y) { others_.push_back(others_at(x, y)); });
    const double highest = median(others_);
    above_.clear();
    places_.clear();
    each(cell, [&](int x, int y) {
      if (others_at(x, y) > highest) return;
      above_.push_back(normalization_(plane_.at(x, y)) - static_cast<double>(reference_.mean.at(x, y)));
      places_.push_back({x, y});
    });
    return clipped();
  }

 private:
  struct Place {
    int x, y;
  };

  // The pixels of the lattice that the frame shares with others.
  template <class Visit>
  void each(const Lattice& lattice, Visit visit) const {
    for (int y = lattice.y0; y < lattice.y1; y += lattice.step_y)
      for (int x = lattice.x0; x < lattice.x1; x += lattice.step_x) {
        const float s = plane_.at(x, y);
        if (s == s && reference_.coverage.at(x, y) > 1) visit(x, y);
      }
  }

  double others_at(int x, int y) const {
    const double mean = static_cast<double>(reference_.mean.at(x, y));
    return mean - (reference_.part(plane_.at(x, y)) - mean) / (reference_.coverage.at(x, y) - 1);
  }

  bool covers(const Lattice& cell) const {
    std::size_t shared = 0, covered = 0;
    each(cell, [&](int, int) { ++shared; });
    for (int y = cell.y0; y < cell.y1; y += cell.step_y)
      for (int x = cell.x0; x < cell.x1; x += cell.step_x)
        covered += reference_.coverage.at(x, y) > 0 ? 1 : 0;
    return shared >= kFewestCellPixels &&
           static_cast<double>(shared) >= kLeastCovered * static_cast<double>(covered);
  }

  SkySample clipped() const {
    const double middle = median(above_), limit = kSkyClipSigma * robust_sd(above_);
    SkySample sum;
    std::size_t used = 0;
    for (std::size_t i = 0; i < above_.size(); ++i) {
      if (!(std::abs(above_[i] - middle) <= limit)) continue;
      sum.above += above_[i];
      sum.x += places_[i].x;
      sum.y += places_[i].y;
      ++used;
    }
    if (used < kFewestSkyPixels) return {};
    const auto n = static_cast<double>(used);
    return {sum.above / n, sum.x / n, sum.y / n, n};
  }

  PlaneView<float> plane_;
  Normalization normalization_;
  const SkyReference& reference_;
  std::vector<double> others_, above_;
  std::vector<Place> places_;
};

}  // namespace

std::size_t sky_cell_count(const SkyMesh& mesh) {
  return static_cast<std::size_t>(kCellsAnInterval * mesh.across) *
         static_cast<std::size_t>(kCellsAnInterval * mesh.down);
}

std::vector<SkySample> sample_sky(const PlaneView<float>& plane, const Normalization& normalization,
                                  const SkyReference& reference, const SkyMesh& mesh) {
  const Cells cells{borders(mesh.width, mesh.across), borders(mesh.height, mesh.down)};
  FrameSky sky(plane, normalization, reference);
  std::vector<SkySample> samples;
  samples.reserve(sky_cell_count(mesh));
  for (int j = 0; j < cells.down(); ++j)
    for (int i = 0; i < cells.across(); ++i)
      samples.push_back(sky.sample(lattice(cells, i, i + 1, j, j + 1, 1),
                                   lattice(cells, std::max(0, i - 1), std::min(cells.across(), i + 2),
                                           std::max(0, j - 1), std::min(cells.down(), j + 2), 2)));
  return samples;
}

}  // namespace tilecompile
