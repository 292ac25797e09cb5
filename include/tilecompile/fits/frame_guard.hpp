#pragma once
#include <cstdint>
#include <span>

namespace tilecompile {

/// Sees the bytes of one file as they are read, and looks at them where it knows what they are to be.
class FrameGuard {
 public:
  virtual ~FrameGuard() = default;
  /// Throws when bytes begin .. end-1 are not what they are to be; an end behind the file means its end.
  virtual void look(std::int64_t begin, std::int64_t end) = 0;
  /// Fills `out` with the bytes from `begin` on and looks at them on the way. `fd` is the open file. Throws
  /// the same, and TransientError when they cannot be read.
  virtual void read(int fd, std::int64_t begin, std::span<unsigned char> out) = 0;
  /// Bytes that are looked at together: reads that end at its multiples read nothing twice.
  virtual std::int64_t step() const = 0;
};

}  // namespace tilecompile
