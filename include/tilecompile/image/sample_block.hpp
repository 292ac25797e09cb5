#pragma once
#include "tilecompile/image/large_memory.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Room for the samples of many frames of one box, [row][frame][column]: a row of all frames is one piece of
/// memory, because what is computed goes through the frames row by row. Not filled. The memory is that of an
/// earlier block of the same thread where it is large enough.
class SampleBlock {
 public:
  SampleBlock() = default;
  SampleBlock(int width, int height, std::size_t frames);
  SampleBlock(SampleBlock&&) = default;
  SampleBlock& operator=(SampleBlock&&) = default;
  ~SampleBlock();

  bool empty() const { return memory_.data() == nullptr; }
  float* row(std::size_t frame, int y) { return first() + offset(frame, y); }
  PlaneView<float> view(std::size_t frame) const {
    return {first() + offset(frame, 0), width_, height_,
            static_cast<std::ptrdiff_t>(frames_) * static_cast<std::ptrdiff_t>(frame_stride_)};
  }
  /// Bytes of a block.
  static std::size_t size_bytes(int width, int height, std::size_t frames);

 private:
  float* first() const { return static_cast<float*>(memory_.data()); }
  std::size_t offset(std::size_t frame, int y) const {
    return (static_cast<std::size_t>(y) * frames_ + frame) * frame_stride_;
  }

  int width_ = 0, height_ = 0;
  std::size_t frames_ = 0, frame_stride_ = 0;
  LargeMemory memory_;
};

}  // namespace tilecompile
