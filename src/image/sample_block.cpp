#include "tilecompile/image/sample_block.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tilecompile {
namespace {

// Samples from one frame to the next: an odd number of cache lines, so that the same pixel of many frames
// does not fall on one place of the cache.
std::size_t stride_of(int width) {
  constexpr std::size_t kLine = 16;
  return ((static_cast<std::size_t>(width) + kLine - 1) / kLine | 1) * kLine;
}

// A tile needs a few blocks at once, and the next tile the same.
constexpr std::size_t kMostSpare = 4;

std::vector<LargeMemory>& spare_memory() {
  static thread_local std::vector<LargeMemory> spare;
  return spare;
}

LargeMemory take_memory(std::size_t bytes) {
  std::vector<LargeMemory>& spare = spare_memory();
  const auto found = std::find_if(spare.begin(), spare.end(), [&](const LargeMemory& m) {
    return m.bytes() >= bytes && m.bytes() / 2 <= bytes;
  });
  if (found == spare.end()) {
    if (!spare.empty()) spare.erase(spare.begin());  // of another size: its tiles are over
    return LargeMemory(bytes);
  }
  LargeMemory memory = std::move(*found);
  spare.erase(found);
  return memory;
}

}  // namespace

SampleBlock::SampleBlock(int width, int height, std::size_t frames)
    : width_(width),
      height_(height),
      frames_(frames),
      frame_stride_(stride_of(width)),
      memory_(take_memory(size_bytes(width, height, frames))) {}

SampleBlock::~SampleBlock() {
  if (memory_.data() != nullptr && spare_memory().size() < kMostSpare)
    spare_memory().push_back(std::move(memory_));
}

std::size_t SampleBlock::size_bytes(int width, int height, std::size_t frames) {
  return stride_of(width) * static_cast<std::size_t>(height) * frames * sizeof(float);
}

}  // namespace tilecompile
