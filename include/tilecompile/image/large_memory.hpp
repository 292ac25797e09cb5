#pragma once
#include <cstddef>
#include <utility>

namespace tilecompile {

/// Memory that is not filled and not counted out by the allocator's small pieces: aligned, and from 2 MB on
/// in the large pages of the system where it has them, because samples of hundreds of frames are read from
/// hundreds of places at once.
class LargeMemory {
 public:
  LargeMemory() = default;
  /// Throws std::bad_alloc.
  explicit LargeMemory(std::size_t bytes);
  LargeMemory(LargeMemory&& other) noexcept { swap(other); }
  LargeMemory& operator=(LargeMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~LargeMemory();
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void swap(LargeMemory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tilecompile
