#include "tilecompile/night/frame_bands.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// Samples from one frame to the next: an odd number of cache lines, so that the same pixel of many frames
// does not fall on one place of the cache.
std::size_t frame_stride(const Box& region) {
  constexpr std::size_t kLine = 16;
  return ((region.area() + kLine - 1) / kLine | 1) * kLine;
}

}  // namespace

FrameBand::FrameBand(const FrameSource& source, const Box& region, int first_frame, int last_frame)
    : region_(region),
      first_frame_(first_frame),
      frames_(last_frame - first_frame + 1),
      channels_(source.manifest().channels()),
      drizzled_(source.drizzles()) {
  samples_ = std::make_unique_for_overwrite<float[]>(
      frame_stride(region) * static_cast<std::size_t>(source.planes()) * static_cast<std::size_t>(frames_));
  code_step_.resize(static_cast<std::size_t>(frames_));
  for (int f = 0; f < frames_; ++f) {
    OpenFrame frame = source.open(first_frame + f);
    code_step_[static_cast<std::size_t>(f)] = frame.facts().code_step;
    std::vector<float*> planes;
    std::vector<DrizzledChannel> drizzled;
    for (int c = 0; c < channels_; ++c) {
      planes.push_back(place(c, f));
      if (drizzled_) drizzled.push_back({place(c, f), place(channels_ + c, f)});
    }
    if (drizzled_)
      frame.drizzle_box(region, drizzled);
    else
      frame.read_box(region, planes);
  }
}

float* FrameBand::place(int plane, int frame) {
  return samples_.get() + (static_cast<std::size_t>(plane) * static_cast<std::size_t>(frames_) +
                           static_cast<std::size_t>(frame)) *
                              frame_stride(region_);
}

PlaneView<float> FrameBand::plane(int index, int frame) const {
  const auto at = static_cast<std::size_t>(index) * static_cast<std::size_t>(frames_) +
                  static_cast<std::size_t>(frame - first_frame_);
  return {samples_.get() + at * frame_stride(region_), region_.w, region_.h, region_.w};
}

FrameCutout FrameBand::cutout(int channel, int frame, const Box& box) const {
  const Box window{box.x0 - region_.x0, box.y0 - region_.y0, box.w, box.h};
  FrameCutout cutout{plane(channel, frame).window(window),
                     code_step_[static_cast<std::size_t>(frame - first_frame_)]};
  if (drizzled_) cutout.shares = plane(channels_ + channel, frame).window(window);
  return cutout;
}

std::size_t FrameBand::size_bytes(const Box& region, int planes, int frames) {
  return region.area() * sizeof(float) * static_cast<std::size_t>(planes) * static_cast<std::size_t>(frames);
}

BandCache::BandCache(std::size_t memory_limit_bytes, std::size_t most_bands)
    : memory_limit_bytes_(memory_limit_bytes), most_bands_(most_bands) {}

Box BandCache::region(const Box& tile, int image_width, int planes, int frames,
                      std::size_t memory_limit_bytes, std::size_t bands) {
  const std::size_t column_bytes = FrameBand::size_bytes({0, 0, 1, tile.h}, planes, frames);
  // A part of the limit, so that the next band can be read while others are in use.
  const std::size_t columns =
      memory_limit_bytes / std::max<std::size_t>(2, bands) / std::max<std::size_t>(1, column_bytes);
  if (columns >= static_cast<std::size_t>(image_width)) return {0, tile.y0, image_width, tile.h};
  if (columns < 2 * static_cast<std::size_t>(tile.w)) return tile;
  // Segments start every `stride` columns and are a tile wider, so every tile lies in the one it starts in.
  const int stride = static_cast<int>(columns) - tile.w;
  const int x0 = tile.x0 / stride * stride;
  return {x0, tile.y0, std::min(stride + tile.w, image_width - x0), tile.h};
}

void BandCache::make_room(std::size_t needed_bytes) {
  const auto bytes = [](const Entry& e) {
    return FrameBand::size_bytes(e.region, e.source->planes(), e.last_frame - e.first_frame + 1);
  };
  std::size_t used = needed_bytes, kept = 1;
  for (auto it = entries_.begin(); it != entries_.end();) {
    used += bytes(**it);
    ++kept;
    // Bands still being read or used by a tile stay where they are in memory; forgetting them here frees
    // nothing yet.
    if ((used > memory_limit_bytes_ || kept > most_bands_) && (*it)->band != nullptr)
      it = entries_.erase(it);
    else
      ++it;
  }
}

void BandCache::warn_when_too_small(std::size_t band_bytes) {
  const std::size_t needed = band_bytes * std::max<std::size_t>(2, most_bands_);
  if (warned_ || needed <= memory_limit_bytes_) return;
  warned_ = true;
  log_warning(
      "the tiles that are computed at once take more memory than parallel.memory_limit_mb: raise it, or "
      "compute with fewer threads (parallel.threads)",
      {{"needed_mb", std::to_string((needed >> 20) + 1)},
       {"limit_mb", std::to_string(memory_limit_bytes_ >> 20)}});
}

std::shared_ptr<const FrameBand> BandCache::get(const std::shared_ptr<const FrameSource>& source,
                                                const Box& tile, int first_frame, int last_frame) {
  const Manifest& m = source->manifest();
  const int frames = last_frame - first_frame + 1;
  const Box region =
      BandCache::region(tile, m.width(), source->planes(), frames, memory_limit_bytes_, most_bands_);
  const std::size_t size = FrameBand::size_bytes(region, source->planes(), frames);
  std::unique_lock<std::mutex> lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    const std::shared_ptr<Entry> entry = *it;
    if (entry->source != source || !(entry->region == region) || entry->first_frame != first_frame ||
        entry->last_frame != last_frame)
      continue;
    entries_.splice(entries_.begin(), entries_, it);
    loaded_.wait(lock, [&] { return entry->band != nullptr || entry->failed; });
    if (entry->band) return entry->band;
    break;  // the other thread's read failed: try it here
  }
  warn_when_too_small(size);
  make_room(size);
  const auto entry = std::make_shared<Entry>(Entry{source, region, first_frame, last_frame, nullptr, false});
  entries_.push_front(entry);
  lock.unlock();
  std::shared_ptr<const FrameBand> band;
  try {
    band = std::make_shared<FrameBand>(*source, region, first_frame, last_frame);
  } catch (...) {
    lock.lock();
    entry->failed = true;
    entries_.remove(entry);
    loaded_.notify_all();
    throw;
  }
  lock.lock();
  entry->band = band;
  loaded_.notify_all();
  return band;
}

}  // namespace tilecompile
