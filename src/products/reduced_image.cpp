#include "reduced_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tilecompile {
namespace {

// First pixel of cell `i` of `cells` over `length` pixels.
int cell_start(int i, int length, int cells) { return static_cast<int>(std::int64_t{i} * length / cells); }

float median_of(std::vector<float>& values) {
  if (values.empty()) return std::numeric_limits<float>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// A row of cells, while rows of the picture come.
class CellRow {
 public:
  CellRow(int width, int cells, Reduce how)
      : how_(how),
        start_(static_cast<std::size_t>(cells) + 1),
        values_(start_.size() - 1),
        sums_(values_.size()) {
    for (std::size_t i = 0; i < start_.size(); ++i) start_[i] = cell_start(static_cast<int>(i), width, cells);
  }

  void add(const std::vector<float>& row) {
    for (std::size_t c = 0; c < values_.size(); ++c)
      for (int x = start_[c]; x < start_[c + 1]; ++x) {
        const float v = row[static_cast<std::size_t>(x)];
        if (!std::isfinite(v)) continue;
        if (how_ == Reduce::kMedian)
          values_[c].push_back(v);
        else
          sums_[c].add(v);
      }
  }

  /// The cells, each of which begins anew.
  void take(float* cells) {
    for (std::size_t c = 0; c < values_.size(); ++c) {
      cells[c] = how_ == Reduce::kMedian ? median_of(values_[c]) : sums_[c].mean();
      values_[c].clear();
      sums_[c] = {};
    }
  }

 private:
  struct Sum {
    double sum = 0;
    int count = 0;
    void add(float v) {
      sum += v;
      ++count;
    }
    float mean() const {
      return count > 0 ? static_cast<float>(sum / count) : std::numeric_limits<float>::quiet_NaN();
    }
  };

  Reduce how_;
  std::vector<int> start_;
  std::vector<std::vector<float>> values_;
  std::vector<Sum> sums_;
};

}  // namespace

Plane<float> reduced(FrameReader& image, int channel, int long_side, Reduce how, int most_rows) {
  const int width = image.facts().width, height = image.facts().height;
  const double scale = std::min(1.0, static_cast<double>(long_side) / std::max(width, height));
  Plane<float> cells(std::max(1, static_cast<int>(width * scale)),
                     std::max(1, static_cast<int>(height * scale)));
  std::vector<float> row(static_cast<std::size_t>(width));
  CellRow of_cells(width, cells.width(), how);
  for (int cy = 0; cy < cells.height(); ++cy) {
    const int y0 = cell_start(cy, height, cells.height()), y1 = cell_start(cy + 1, height, cells.height());
    const int rows = std::min(y1 - y0, most_rows);
    for (int r = 0; r < rows; ++r) {
      image.read_rows(channel, y0 + cell_start(r, y1 - y0, rows), 1, row.data());
      of_cells.add(row);
    }
    of_cells.take(cells.row(cy));
  }
  return cells;
}

Plane<float> part_of(FrameReader& image, int channel, const Box& box) {
  const int width = image.facts().width;
  std::vector<float> rows(static_cast<std::size_t>(width) * static_cast<std::size_t>(box.h));
  image.read_rows(channel, box.y0, box.h, rows.data());
  Plane<float> part(box.w, box.h);
  for (int y = 0; y < box.h; ++y)
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(y) * width + box.x0, box.w, part.row(y));
  return part;
}

}  // namespace tilecompile
