#include "tilecompile/night/kept_frames.hpp"

namespace tilecompile {

std::shared_ptr<const Image> KeptFrames::find(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = frames_.find(name);
  return found == frames_.end() ? nullptr : found->second;
}

void KeptFrames::offer(const std::string& name, const Image& frame) {
  std::size_t size = 0;
  for (const Plane<float>& plane : frame) size += plane.size() * sizeof(float);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (size > limit_bytes_ - size_bytes_ || frames_.count(name) > 0) return;
    size_bytes_ += size;  // before the copy, which takes a while: others must not take the room
    frames_[name] = nullptr;
  }
  auto copy = std::make_shared<const Image>(frame);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const auto place = frames_.find(name); place != frames_.end()) place->second = std::move(copy);
}

std::size_t KeptFrames::size_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_bytes_;
}

void KeptFrames::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  frames_.clear();
  size_bytes_ = limit_bytes_ = 0;
}

}  // namespace tilecompile
