#include "tilecompile/night/frame_bands.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// So that many frames make narrow bands, not large ones.
constexpr std::size_t kLargestBandBytes = std::size_t{96} << 20;
// One that tiles are cut from, and the next.
constexpr std::size_t kLeastBands = 2;
// The samples of a tile as floats, which pay for being unpacked only where they stay in a cache until they
// are used.
constexpr std::size_t kMostUnpackedBytes = std::size_t{16} << 20;

// Samples from one frame to the next: an odd number of cache lines, so that the same pixel of many frames
// does not fall on one place of the cache.
constexpr std::size_t kLine = 16;
std::size_t plane_stride(const Box& region) { return ((region.area() + kLine - 1) / kLine | 1) * kLine; }

}  // namespace

BandShape::BandShape(const BandSamples& samples, const Box& tile, int frame_count)
    : planes(samples.planes),
      frames(frame_count),
      packed(samples.codes &&
             SampleBlock::size_bytes(tile.w, tile.h, static_cast<std::size_t>(frame_count)) <=
                 kMostUnpackedBytes) {}

std::size_t BandShape::size_bytes(const Box& region) const {
  return plane_stride(region) * samples_a_pixel() * sample_bytes();
}

std::size_t BandShape::column_bytes(const Box& tile) const {
  const Box narrowest{0, 0, 2 * tile.w, tile.h};
  const std::size_t widest_gap = 2 * kLine - 1, columns = static_cast<std::size_t>(narrowest.w);
  return ((narrowest.area() + widest_gap) * samples_a_pixel() * sample_bytes() + columns - 1) / columns;
}

FrameBand::FrameBand(const FrameSource& source, const Box& region, int first_frame, const BandShape& shape,
                     const FrameBand* above)
    : region_(region),
      shape_(shape),
      channels_(source.manifest().channels()),
      drizzled_(source.drizzles()),
      memory_(shape.size_bytes(region)),
      stored_(index(shape.planes, 0)),
      code_step_(static_cast<std::size_t>(shape.frames)) {
  const int shared = above != nullptr ? above->region_.y1() - region.y0 : 0;
  const Fresh fresh{{region.x0, region.y0 + shared, region.w, region.h - shared},
                    static_cast<std::size_t>(shared) * static_cast<std::size_t>(region.w)};
  const std::size_t stride = plane_stride(shape.packed ? fresh.box : region);
  LargeMemory unpacked(shape.packed ? stride * static_cast<std::size_t>(shape.planes) * sizeof(float) : 0);
  for (int f = 0; f < shape.frames; ++f) {
    OpenFrame frame = source.open(first_frame + f);
    code_step_[static_cast<std::size_t>(f)] = frame.facts().code_step;
    std::vector<float*> planes;
    for (int p = 0; p < shape.planes; ++p) {
      auto* const floats = static_cast<float*>(shape.packed ? unpacked.data() : memory_.data()) +
                           (shape.packed ? static_cast<std::size_t>(p) : index(p, f)) * stride;
      stored_[index(p, f)].floats = floats;
      planes.push_back(shape.packed ? floats : floats + fresh.first);
    }
    read(frame, fresh.box, planes);
    if (shape.packed)
      pack(f, planes, fresh, above);
    else if (above != nullptr)
      copy_above(f, *above);
  }
}

void FrameBand::read(OpenFrame& frame, const Box& box, const std::vector<float*>& planes) const {
  if (!drizzled_) return frame.read_box(box, planes);
  std::vector<DrizzledChannel> drizzled;
  const auto channels = static_cast<std::size_t>(channels_);
  for (std::size_t c = 0; c < channels; ++c) drizzled.push_back({planes[c], planes[channels + c]});
  frame.drizzle_box(box, drizzled);
}

void FrameBand::copy_above(int frame, const FrameBand& above) {
  const Box shared{region_.x0, region_.y0, region_.w, above.region_.y1() - region_.y0};
  for (int p = 0; p < shape_.planes; ++p)
    std::copy_n(above.floats_of(p, frame, shared).row(0), shared.area(),
                static_cast<float*>(memory_.data()) + index(p, frame) * plane_stride(region_));
}

// What are no codes stay floats.
void FrameBand::pack(int frame, const std::vector<float*>& planes, const Fresh& fresh,
                     const FrameBand* above) {
  for (int p = 0; p < shape_.planes; ++p) {
    const std::size_t i = index(p, frame);
    const float* const from = planes[static_cast<std::size_t>(p)];
    auto* const codes = static_cast<std::uint16_t*>(memory_.data()) + i * plane_stride(region_);
    PackedSamples packed = pack_samples(from, fresh.box.area(), codes + fresh.first);
    const Stored over = above != nullptr ? above->stored_[i] : Stored{codes};
    const std::ptrdiff_t at = above != nullptr ? above->place_of(region_) : 0;
    packed.has_none = packed.has_none || over.packed.has_none;
    packed.has_last = packed.has_last || over.packed.has_last;
    if (packed.lossless() && over.codes != nullptr) {
      if (above != nullptr) std::copy_n(over.codes + at, fresh.first, codes);
      stored_[i] = {codes, nullptr, packed};
      continue;
    }
    auto& floats = not_packed_.emplace_back(std::make_unique_for_overwrite<float[]>(region_.area()));
    if (over.codes != nullptr)
      unpack_samples(over.codes + at, fresh.first, over.packed.has_none, floats.get());
    else
      std::copy_n(over.floats + at, fresh.first, floats.get());
    std::copy_n(from, fresh.box.area(), floats.get() + fresh.first);
    stored_[i] = {nullptr, floats.get()};
  }
}

PlaneView<float> FrameBand::floats_of(int plane, int frame, const Box& box) const {
  return {stored_[index(plane, frame)].floats + place_of(box), box.w, box.h, region_.w};
}

std::ptrdiff_t FrameBand::place_of(const Box& box) const {
  return static_cast<std::ptrdiff_t>(box.y0 - region_.y0) * region_.w + (box.x0 - region_.x0);
}

// Row by row of all frames, as the block lies in memory: what is written is one stream, and the rows of the
// frames, which no prefetcher follows, are asked for ahead.
std::vector<std::size_t> FrameBand::unpack(int plane, const Box& box, SampleBlock& block) const {
  constexpr int kAhead = 6;
  const auto width = static_cast<std::size_t>(box.w);
  const std::ptrdiff_t first = place_of(box);
  std::vector<std::size_t> valid(static_cast<std::size_t>(shape_.frames), 0);
  for (int y = 0; y < box.h; ++y) {
    const std::ptrdiff_t at = first + static_cast<std::ptrdiff_t>(y) * region_.w;
    for (int f = 0; f < shape_.frames; ++f) {
      if (const auto* next = stored_[index(plane, std::min(f + kAhead, shape_.frames - 1))].codes)
        for (std::size_t x = 0; x < width; x += 2 * kLine) __builtin_prefetch(next + at + x);
      const Stored& stored = stored_[index(plane, f)];
      const auto i = static_cast<std::size_t>(f);
      if (stored.codes != nullptr)
        valid[i] += unpack_samples(stored.codes + at, width, stored.packed.has_none, block.row(i, y));
    }
  }
  return valid;
}

BoxCutouts FrameBand::cutouts(const Box& box) const {
  BoxCutouts all;
  all.memory.reserve(static_cast<std::size_t>(shape_.planes));
  for (int c = 0; c < channels_; ++c) {
    auto& channel = all.cutouts.emplace_back(static_cast<std::size_t>(shape_.frames));
    std::vector<std::size_t> valid;
    if (shape_.packed) {
      all.memory.emplace_back(box.w, box.h, channel.size());
      valid = unpack(c, box, all.memory.back());
    }
    for (int f = 0; f < shape_.frames; ++f) {
      const auto i = static_cast<std::size_t>(f);
      if (stored_[index(c, f)].codes != nullptr)
        channel[i] = {all.memory.back().view(i), code_step_[i], {}, static_cast<std::int64_t>(valid[i])};
      else
        channel[i] = {floats_of(c, f, box), code_step_[i], {}, -1};
      if (drizzled_) channel[i].shares = floats_of(channels_ + c, f, box);
    }
  }
  return all;
}

BandCache::BandCache(std::size_t memory_limit_bytes, std::size_t most_bands)
    : memory_limit_bytes_(memory_limit_bytes), most_bands_(std::max(kLeastBands, most_bands)) {}

Box BandCache::region(const Box& tile, int image_width, const BandShape& shape,
                      std::size_t memory_limit_bytes, std::size_t bands) {
  const std::size_t column_bytes = shape.column_bytes(tile);
  // A part of the limit, so that the next band can be read while others are in use, and while it takes rows
  // from the one above.
  const std::size_t band_bytes =
      std::min(memory_limit_bytes / std::max(kLeastBands, bands), kLargestBandBytes);
  const std::size_t columns = band_bytes / column_bytes;
  if (columns >= static_cast<std::size_t>(image_width)) return {0, tile.y0, image_width, tile.h};
  if (columns < 2 * static_cast<std::size_t>(tile.w)) return tile;
  // Segments start every `stride` columns and are a tile wider, so every tile lies in the one it starts in.
  const int stride = static_cast<int>(columns) - tile.w;
  const int x0 = tile.x0 / stride * stride;
  return {x0, tile.y0, std::min(stride + tile.w, image_width - x0), tile.h};
}

// Notes where the calling thread is now: a band that no thread is in any more can go before others.
void BandCache::move_thread_to(const std::shared_ptr<Entry>& entry) {
  std::weak_ptr<Entry>& latest = latest_[std::this_thread::get_id()];
  if (const auto left = latest.lock()) --left->threads;
  ++entry->threads;
  latest = entry;
}

void BandCache::make_room(std::size_t needed_bytes, std::size_t limit_bytes) {
  std::size_t used = needed_bytes, kept = 1;
  for (const auto& entry : entries_) {
    used += entry->bytes();
    ++kept;
  }
  // The longest unused first. Bands still being read stay, and those that a tile is cut from stay where they
  // are in memory; forgetting them here frees nothing yet.
  const auto forget = [&](bool in_use) {
    for (auto it = entries_.end(); it != entries_.begin();) {
      if (used <= limit_bytes && kept <= most_bands_) return;
      const Entry& entry = **--it;
      if (entry.band == nullptr || (entry.threads > 0 && !in_use)) continue;
      used -= entry.bytes();
      --kept;
      it = entries_.erase(it);
    }
  };
  forget(false);
  forget(true);
}

// Whether the last rows of this band are the first ones of the other.
bool BandCache::Entry::reaches_into(const Entry& below) const {
  return source == below.source && first_frame == below.first_frame && last_frame == below.last_frame &&
         shape.packed == below.shape.packed && region.x0 == below.region.x0 && region.w == below.region.w &&
         region.y0 < below.region.y0 && region.y1() > below.region.y0 && region.y1() < below.region.y1();
}

// Of the bands that are kept or being read the nearest one above: one row of tiles overlaps the next.
std::shared_ptr<BandCache::Entry> BandCache::find_above(const Entry& wanted) const {
  std::shared_ptr<Entry> nearest;
  for (const auto& entry : entries_)
    if (entry->reaches_into(wanted) && (!nearest || entry->region.y0 > nearest->region.y0)) nearest = entry;
  return nearest;
}

void BandCache::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.remove_if([](const std::shared_ptr<Entry>& entry) { return entry->band != nullptr; });
}

void BandCache::warn_when_too_small(std::size_t band_bytes, std::size_t limit_bytes) {
  const std::size_t needed = band_bytes * most_bands_;
  if (warned_ || needed <= limit_bytes) return;
  warned_ = true;
  log_warning(
      "the tiles that are computed at once take more memory than parallel.memory_limit_mb: raise it, or "
      "compute with fewer threads (parallel.threads)",
      {{"needed_mb", std::to_string((needed >> 20) + 1)}, {"limit_mb", std::to_string(limit_bytes >> 20)}});
}

std::shared_ptr<const FrameBand> BandCache::get(const std::shared_ptr<const FrameSource>& source,
                                                const Box& tile, int first_frame, int last_frame) {
  const Manifest& m = source->manifest();
  const BandShape shape(source->band_samples(), tile, last_frame - first_frame + 1);
  const std::size_t reserved = source->reserved_bytes();
  const std::size_t limit = memory_limit_bytes_ > reserved ? memory_limit_bytes_ - reserved : 0;
  const Box region = BandCache::region(tile, m.width(), shape, limit, most_bands_);
  const std::size_t size = shape.size_bytes(region);
  std::unique_lock<std::mutex> lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    const std::shared_ptr<Entry> entry = *it;
    if (entry->source != source || !(entry->region == region) || entry->first_frame != first_frame ||
        entry->last_frame != last_frame)
      continue;
    entries_.splice(entries_.begin(), entries_, it);
    move_thread_to(entry);
    loaded_.wait(lock, [&] { return entry->band != nullptr || entry->failed; });
    if (entry->band) return entry->band;
    break;  // the other thread's read failed: try it here
  }
  warn_when_too_small(size, limit);
  const auto entry = std::make_shared<Entry>(Entry{source, region, first_frame, last_frame, shape});
  move_thread_to(entry);
  make_room(size, limit);
  std::shared_ptr<Entry> above = find_above(*entry);
  entries_.push_front(entry);
  // What is being read there would else be read here at the same time.
  if (above) loaded_.wait(lock, [&] { return above->band != nullptr || above->failed; });
  std::shared_ptr<const FrameBand> rows_above = above ? above->band : nullptr;
  lock.unlock();
  std::shared_ptr<const FrameBand> band;
  try {
    band = std::make_shared<FrameBand>(*source, region, first_frame, shape, rows_above.get());
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
