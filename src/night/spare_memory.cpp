#include "tilecompile/night/spare_memory.hpp"

#include <algorithm>
#include <utility>

namespace tilecompile {

std::shared_ptr<LargeMemory> SpareMemory::take(std::size_t bytes) {
  LargeMemory memory;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    memory = std::exchange(spare_, LargeMemory());
  }
  // No more than a quarter of it is left over.
  if (memory.bytes() < bytes || memory.bytes() / 5 * 4 > bytes) memory = LargeMemory();
  if (memory.data() == nullptr) memory = LargeMemory(bytes);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    in_use_ += memory.bytes();
    most_in_use_ = std::max(most_in_use_, in_use_);
  }
  std::shared_ptr<LargeMemory> lent(new LargeMemory(std::move(memory)),
                                    [spare = shared_from_this()](LargeMemory* back) {
                                      spare->give(std::move(*back));
                                      delete back;
                                    });
  return lent;
}

void SpareMemory::give(LargeMemory memory) {
  const std::lock_guard<std::mutex> lock(mutex_);
  in_use_ -= memory.bytes();
  if (in_use_ + memory.bytes() <= most_in_use_ && spare_.data() == nullptr) spare_ = std::move(memory);
}

void SpareMemory::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  spare_ = LargeMemory();
  most_in_use_ = 0;  // nor is kept what is still in use
}

}  // namespace tilecompile
