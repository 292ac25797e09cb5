#pragma once
#include <cstddef>
#include <memory>
#include <mutex>

#include "tilecompile/image/large_memory.hpp"

namespace tilecompile {

/// Keeps memory that is not used any more for the next who wants as much: what the system gives has to be
/// cleared first. It never makes the memory that is in use and kept larger than what was in use at once. Safe
/// from several threads.
class SpareMemory : public std::enable_shared_from_this<SpareMemory> {
 public:
  /// At least so many bytes, which come back when the last owner is gone. Throws std::bad_alloc.
  std::shared_ptr<LargeMemory> take(std::size_t bytes);
  /// Gives what is kept back to the system.
  void clear();

 private:
  void give(LargeMemory memory);

  std::mutex mutex_;
  LargeMemory spare_;
  std::size_t in_use_ = 0, most_in_use_ = 0;
};

}  // namespace tilecompile
