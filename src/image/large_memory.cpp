#include "tilecompile/image/large_memory.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace tilecompile {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20, kCacheLine = 64;

}  // namespace

LargeMemory::LargeMemory(std::size_t bytes) {
  const std::size_t unit = bytes < kLargePage ? kCacheLine : kLargePage;
  bytes_ = (bytes + unit - 1) / unit * unit;
  if (bytes_ == 0) return;
  data_ = std::aligned_alloc(unit, bytes_);
  if (data_ == nullptr) throw std::bad_alloc();
  if (unit == kLargePage) madvise(data_, bytes_, MADV_HUGEPAGE);  // a wish; small pages do as well
}

LargeMemory::~LargeMemory() { std::free(data_); }

}  // namespace tilecompile
