#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// A whole frame in memory; planes of whole numbers take two bytes a sample.
class KeptFrame {
 public:
  explicit KeptFrame(const Image& image);
  std::size_t channels() const { return planes_.size(); }
  std::size_t size_bytes() const;
  /// Copies a box of a channel, row by row: the samples of the image, no others.
  void copy_box(std::size_t channel, const Box& box, float* out) const;

 private:
  struct Samples {
    std::vector<std::uint16_t> codes;  ///< empty: they would not be the same
    std::vector<float> floats;
    bool has_none = false;
  };
  std::size_t width_ = 0;
  std::vector<Samples> planes_;
};

/// Frames in memory as they came out of what takes long when they are read: raw ones of resampling, packed
/// ones of unpacking. All passes over the frames and their tiles read the same samples. Keeps the first
/// frames that fit and none after them: all frames are read equally often, one after the other, so that what
/// is thrown out would be read next. Safe from several threads.
class KeptFrames {
 public:
  explicit KeptFrames(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  /// The frame of this name, null where it is not kept.
  std::shared_ptr<const KeptFrame> find(const std::string& name) const;
  /// Keeps a copy if there is room.
  void offer(const std::string& name, const Image& frame);
  /// Whether a frame of so many samples may find room: not when one of that size did not.
  bool may_take(std::size_t samples) const;
  std::size_t limit_bytes() const;
  /// Bytes kept.
  std::size_t size_bytes() const;
  /// Forgets all frames: another night needs the room.
  void forget();
  /// Forgets all frames, and keeps none from now on.
  void close();

 private:
  mutable std::mutex mutex_;
  std::size_t limit_bytes_, size_bytes_ = 0;
  std::size_t refused_samples_ = std::numeric_limits<std::size_t>::max();  ///< of the smallest without room
  std::map<std::string, std::shared_ptr<const KeptFrame>> frames_;
};

}  // namespace tilecompile
