#include "reduced_image.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tilecompile {
namespace {

// First pixel of cell `i` of `cells` over `length` pixels.
int cell_start(int i, int length, int cells) { return static_cast<int>(std::int64_t{i} * length / cells); }

float reduce(std::vector<float>& values, Reduce how) {
  if (values.empty()) return std::numeric_limits<float>::quiet_NaN();
  if (how == Reduce::kMedian) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  }
  double sum = 0;
  for (const float v : values) sum += v;
  return static_cast<float>(sum / static_cast<double>(values.size()));
}

}  // namespace

Plane<float> reduced(FrameReader& image, int channel, int long_side, Reduce how, int most_rows) {
  const int width = image.facts().width, height = image.facts().height;
  const double scale = std::min(1.0, static_cast<double>(long_side) / std::max(width, height));
  Plane<float> cells(std::max(1, static_cast<int>(width * scale)),
                     std::max(1, static_cast<int>(height * scale)));
  std::vector<float> row(static_cast<std::size_t>(width));
  std::vector<std::vector<float>> values(static_cast<std::size_t>(cells.width()));
  for (int cy = 0; cy < cells.height(); ++cy) {
    for (auto& cell : values) cell.clear();
    const int y0 = cell_start(cy, height, cells.height()), y1 = cell_start(cy + 1, height, cells.height());
    const int rows = std::min(y1 - y0, most_rows);
    for (int r = 0; r < rows; ++r) {
      image.read_rows(channel, y0 + cell_start(r, y1 - y0, rows), 1, row.data());
      for (int cx = 0; cx < cells.width(); ++cx)
        for (int x = cell_start(cx, width, cells.width()); x < cell_start(cx + 1, width, cells.width()); ++x)
          if (const float v = row[static_cast<std::size_t>(x)]; std::isfinite(v))
            values[static_cast<std::size_t>(cx)].push_back(v);
    }
    for (int cx = 0; cx < cells.width(); ++cx)
      cells.at(cx, cy) = reduce(values[static_cast<std::size_t>(cx)], how);
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
