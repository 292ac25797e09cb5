#include "live_picture.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// First pixel of cell `i` of `cells` over `length` pixels.
int cell_start(int i, int length, int cells) { return static_cast<int>(std::int64_t{i} * length / cells); }

// First cell that begins at pixel `at` or behind it.
int first_cell(int at, int length, int cells) {
  int i = static_cast<int>(std::int64_t{at} * cells / length);
  while (i < cells && cell_start(i, length, cells) < at) ++i;
  return i;
}

int cells_along(int length, int longest) {
  return longest <= LivePicture::kLongSidePx
             ? length
             : std::max(1, static_cast<int>(std::int64_t{length} * LivePicture::kLongSidePx / longest));
}

// Mean of the valid pixels of `pixels`, whose corner lies at (box.x0, box.y0) of the image, in each of
// `cells`.
Plane<float> reduced(const Plane<float>& pixels, const Box& box, const Box& cells, int width, int height,
                     int columns, int rows) {
  Plane<float> small(cells.w, cells.h, std::numeric_limits<float>::quiet_NaN());
  for (int cy = 0; cy < cells.h; ++cy)
    for (int cx = 0; cx < cells.w; ++cx) {
      double sum = 0;
      int n = 0;
      const int y1 = cell_start(cells.y0 + cy + 1, height, rows),
                x1 = cell_start(cells.x0 + cx + 1, width, columns);
      for (int y = cell_start(cells.y0 + cy, height, rows); y < y1; ++y)
        for (int x = cell_start(cells.x0 + cx, width, columns); x < x1; ++x)
          if (const float v = pixels.at(x - box.x0, y - box.y0); std::isfinite(v)) {
            sum += v;
            ++n;
          }
      if (n > 0) small.at(cx, cy) = static_cast<float>(sum / n);
    }
  return small;
}

Image reduced_whole(const Image& image) {
  Image small;
  for (const Plane<float>& plane : image) {
    const int w = plane.width(), h = plane.height(), longest = std::max(w, h);
    const int columns = cells_along(w, longest), rows = cells_along(h, longest);
    small.push_back(reduced(plane, {0, 0, w, h}, {0, 0, columns, rows}, w, h, columns, rows));
  }
  return small;
}

}  // namespace

LivePicture::LivePicture(const Image& plain_mean, const Grid& grid)
    : tiles_(grid.tiles),
      width_(grid.image_width),
      height_(grid.image_height),
      picture_(reduced_whole(plain_mean)),
      pen_(picture_),
      plain_png_(pen_.png(picture_)) {}

// Those that lie in the box as a whole, rows upwards.
Box LivePicture::cells(const Box& box) const {
  const int columns = picture_.front().width(), rows = picture_.front().height();
  const int x0 = first_cell(box.x0, width_, columns), y0 = first_cell(box.y0, height_, rows);
  int x1 = x0, y1 = y0;
  while (x1 < columns && cell_start(x1 + 1, width_, columns) <= box.x0 + box.w) ++x1;
  while (y1 < rows && cell_start(y1 + 1, height_, rows) <= box.y0 + box.h) ++y1;
  return {x0, y0, x1 - x0, y1 - y0};
}

Box LivePicture::place(int tile_id) const {
  Box box = cells(tiles_.at(static_cast<std::size_t>(tile_id)));
  box.y0 = picture_.front().height() - box.y0 - box.h;
  return box;
}

std::optional<std::string> LivePicture::lay(int tile_id, const Image& pixels) {
  const Box& tile = tiles_.at(static_cast<std::size_t>(tile_id));
  if (pixels.size() != picture_.size() || pixels.front().width() != tile.w ||
      pixels.front().height() != tile.h)
    throw ContractError("a tile that is laid over the picture has other planes than its place");
  const Box to = cells(tile);
  if (to.w == 0 || to.h == 0) return std::nullopt;
  Image small;
  for (std::size_t c = 0; c < pixels.size(); ++c) {
    Plane<float>& whole = picture_[c];
    small.push_back(reduced(pixels[c], tile, to, width_, height_, whole.width(), whole.height()));
    for (int y = 0; y < to.h; ++y) std::copy_n(small[c].row(y), to.w, whole.row(to.y0 + y) + to.x0);
  }
  if (std::find(laid_.begin(), laid_.end(), tile_id) == laid_.end()) laid_.push_back(tile_id);
  return pen_.png(small);
}

}  // namespace tilecompile
