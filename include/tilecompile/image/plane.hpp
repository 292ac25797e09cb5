#pragma once
#include <cstddef>
#include <vector>

namespace tilecompile {

/// Half-open pixel box: columns x0 .. x0+w-1, rows y0 .. y0+h-1.
struct Box {
  int x0 = 0, y0 = 0, w = 0, h = 0;
  int x1() const { return x0 + w; }
  int y1() const { return y0 + h; }
  std::size_t area() const { return static_cast<std::size_t>(w) * static_cast<std::size_t>(h); }
  bool contains(const Box& other) const {
    return other.x0 >= x0 && other.y0 >= y0 && other.x1() <= x1() && other.y1() <= y1();
  }
  bool operator==(const Box&) const = default;
};

/// Read-only window into row-major samples; `stride` is the distance of rows in samples. A NaN sample is
/// invalid.
template <class T>
struct PlaneView {
  const T* data = nullptr;
  int width = 0, height = 0;
  std::ptrdiff_t stride = 0;
  const T* row(int y) const { return data + y * stride; }
  T at(int x, int y) const { return row(y)[x]; }
  PlaneView window(const Box& box) const { return {row(box.y0) + box.x0, box.w, box.h, stride}; }
};

/// Owned row-major samples, shape (height, width).
template <class T>
class Plane {
 public:
  Plane() = default;
  Plane(int width, int height, T value = T{})
      : width_(width),
        height_(height),
        data_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height), value) {}
  int width() const { return width_; }
  int height() const { return height_; }
  std::size_t size() const { return data_.size(); }
  bool empty() const { return data_.empty(); }
  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  T* row(int y) { return data_.data() + static_cast<std::ptrdiff_t>(y) * width_; }
  const T* row(int y) const { return data_.data() + static_cast<std::ptrdiff_t>(y) * width_; }
  T& at(int x, int y) { return row(y)[x]; }
  T at(int x, int y) const { return row(y)[x]; }
  std::vector<T>& samples() { return data_; }
  const std::vector<T>& samples() const { return data_; }
  PlaneView<T> view() const { return {data_.data(), width_, height_, width_}; }
  PlaneView<T> view(const Box& box) const { return view().window(box); }

 private:
  int width_ = 0, height_ = 0;
  std::vector<T> data_;
};

using Image = std::vector<Plane<float>>;  ///< one plane a channel, all of one shape

}  // namespace tilecompile
