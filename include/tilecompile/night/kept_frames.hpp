#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Raw frames as they came out of resampling, in memory: all passes over the frames and their tiles read the
/// same samples, and resampling is the longest part of reading them. Keeps the first frames that fit and none
/// after them: all frames are read equally often, one after the other, so that what is thrown out would be
/// read next. Safe from several threads.
class KeptFrames {
 public:
  explicit KeptFrames(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  /// The frame of this name, null where it is not kept.
  std::shared_ptr<const Image> find(const std::string& name) const;
  /// Keeps a copy if there is room.
  void offer(const std::string& name, const Image& frame);
  /// Bytes kept.
  std::size_t size_bytes() const;
  /// Forgets all frames, and keeps none from now on.
  void close();

 private:
  mutable std::mutex mutex_;
  std::size_t limit_bytes_, size_bytes_ = 0;
  std::map<std::string, std::shared_ptr<const Image>> frames_;
};

}  // namespace tilecompile
