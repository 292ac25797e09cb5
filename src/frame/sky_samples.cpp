#include "tilecompile/frame/sky_samples.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/image/vector_level.hpp"

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

// C_f of some pixels, NaN where the frame has no sample, or nobody else.
TILECOMPILE_VECTOR_BODY void find_others_body(const float* samples, const float* mean,
                                              const std::int32_t* coverage, const Normalization& part, int n,
                                              double* __restrict others) {
  const double offset = part.offset, gain = part.gain, pedestal = part.pedestal;
  for (int x = 0; x < n; ++x) {
    const double of_all = mean[x], own = (samples[x] - offset) * gain + pedestal;
    const double v = of_all - (own - of_all) / (coverage[x] - 1);
    others[x] = (samples[x] == samples[x]) & (coverage[x] > 1) ? v : std::numeric_limits<double>::quiet_NaN();
  }
}
TILECOMPILE_VECTOR_LEVELS(find_others,
                          (const float* samples, const float* mean, const std::int32_t* coverage,
                           const Normalization& part, int n, double* others),
                          (samples, mean, coverage, part, n, others))

class FrameSky {
 public:
  FrameSky(const PlaneView<float>& plane, const Normalization& normalization, const SkyReference& reference)
      : plane_(plane), normalization_(normalization), reference_(reference) {}

  SkySample sample(const Lattice& cell, const Lattice& around) {
    take(around, around_);
    take(cell, cell_);
    if (!covers()) return {};
    std::erase_if(around_.others, [](double v) { return v != v; });
    const double highest = median_in_place(around_.others);
    above_.resize(cell_.others.size());
    places_.resize(cell_.others.size());
    std::size_t k = 0, kept = 0;  // without branches: half of the pixels are of the lower ones
    for (int y = cell.y0; y < cell.y1; y += cell.step_y)
      for (int x = cell.x0; x < cell.x1; x += cell.step_x, ++k) {
        above_[kept] = normalization_(cell_.samples[k]) - static_cast<double>(cell_.mean[k]);
        places_[kept] = {x, y};
        kept += cell_.others[k] <= highest ? 1 : 0;
      }
    above_.resize(kept);
    places_.resize(kept);
    return clipped();
  }

 private:
  struct Place {
    int x, y;
  };
  // The pixels of a lattice, row by row.
  struct Look {
    std::vector<float> samples, mean;
    std::vector<std::int32_t> coverage;
    std::vector<double> others;  // NaN: not shared with others
  };

  // One after the other in memory first, where vector units reach them.
  void take(const Lattice& lattice, Look& look) const {
    const auto columns =
        static_cast<std::size_t>((lattice.x1 - lattice.x0 + lattice.step_x - 1) / lattice.step_x);
    const std::size_t n =
        columns * static_cast<std::size_t>((lattice.y1 - lattice.y0 + lattice.step_y - 1) / lattice.step_y);
    look.samples.resize(n);
    look.mean.resize(n);
    look.coverage.resize(n);
    look.others.resize(n);
    std::size_t k = 0;
    for (int y = lattice.y0; y < lattice.y1; y += lattice.step_y) {
      const float *samples = plane_.row(y), *mean = reference_.mean.row(y);
      const std::int32_t* coverage = reference_.coverage.row(y);
      for (int x = lattice.x0; x < lattice.x1; x += lattice.step_x, ++k) {
        look.samples[k] = samples[x];
        look.mean[k] = mean[x];
        look.coverage[k] = coverage[x];
      }
    }
    find_others(look.samples.data(), look.mean.data(), look.coverage.data(), reference_.part,
                static_cast<int>(n), look.others.data());
  }

  // Whether the frame has most of the cell's pixels that some frame covers.
  bool covers() const {
    std::size_t shared = 0, covered = 0;
    for (std::size_t k = 0; k < cell_.others.size(); ++k) {
      shared += cell_.others[k] == cell_.others[k] ? 1 : 0;
      covered += cell_.coverage[k] > 0 ? 1 : 0;
    }
    return shared >= kFewestCellPixels &&
           static_cast<double>(shared) >= kLeastCovered * static_cast<double>(covered);
  }

  SkySample clipped() {
    near_ = above_;
    const double middle = median_in_place(near_), limit = kSkyClipSigma * robust_sd(above_);
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
  Look cell_, around_;
  std::vector<double> near_, above_;
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
