#include "tilecompile/night/kept_frames.hpp"

#include <algorithm>

#include "tilecompile/image/packed_samples.hpp"

namespace tilecompile {

KeptFrame::KeptFrame(const Image& image) {
  for (const Plane<float>& plane : image) {
    width_ = static_cast<std::size_t>(plane.width());
    Samples& samples = planes_.emplace_back();
    samples.codes.resize(plane.size());
    const PackedSamples packed = pack_samples(plane.data(), plane.size(), samples.codes.data());
    samples.has_none = packed.has_none;
    if (packed.lossless()) continue;
    samples.codes = {};
    samples.floats.assign(plane.data(), plane.data() + plane.size());
  }
}

std::size_t KeptFrame::size_bytes() const {
  std::size_t size = 0;
  for (const Samples& s : planes_)
    size += s.codes.size() * sizeof(std::uint16_t) + s.floats.size() * sizeof(float);
  return size;
}

void KeptFrame::copy_box(std::size_t channel, const Box& box, float* out) const {
  const Samples& samples = planes_.at(channel);
  const auto columns = static_cast<std::size_t>(box.w);
  for (int y = 0; y < box.h; ++y, out += columns) {
    const std::size_t at = static_cast<std::size_t>(box.y0 + y) * width_ + static_cast<std::size_t>(box.x0);
    if (samples.codes.empty())
      std::copy_n(samples.floats.data() + at, columns, out);
    else
      unpack_samples(samples.codes.data() + at, columns, samples.has_none, out);
  }
}

std::shared_ptr<const KeptFrame> KeptFrames::find(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = frames_.find(name);
  return found == frames_.end() ? nullptr : found->second;
}

void KeptFrames::offer(const std::string& name, const Image& frame) {
  std::size_t samples = 0;
  for (const Plane<float>& plane : frame) samples += plane.size();
  if (find(name) || !may_take(samples)) return;
  auto copy = std::make_shared<const KeptFrame>(frame);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (frames_.count(name) > 0) return;
  if (copy->size_bytes() > limit_bytes_ - size_bytes_) {
    refused_samples_ = std::min(refused_samples_, samples);
    return;
  }
  size_bytes_ += copy->size_bytes();
  frames_[name] = std::move(copy);
}

bool KeptFrames::may_take(std::size_t samples) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return samples < refused_samples_ && samples * sizeof(std::uint16_t) <= limit_bytes_ - size_bytes_;
}

std::size_t KeptFrames::limit_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limit_bytes_;
}

std::size_t KeptFrames::size_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return size_bytes_;
}

void KeptFrames::forget() {
  const std::lock_guard<std::mutex> lock(mutex_);
  frames_.clear();
  size_bytes_ = 0;
  refused_samples_ = std::numeric_limits<std::size_t>::max();
}

void KeptFrames::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  frames_.clear();
  size_bytes_ = limit_bytes_ = 0;
}

}  // namespace tilecompile
