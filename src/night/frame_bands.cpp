#include "tilecompile/night/frame_bands.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// Of a plane of a tile as floats: less stays in a cache until it is used. Larger tiles, all planes together,
// are unpacked too, since codes take half the memory of floats, so that bands of them are wider and read in
// longer pieces; what they take then goes from that of the band.
constexpr std::size_t kCachedBytes = std::size_t{16} << 20, kMostUnpackedBytes = std::size_t{32} << 20;

// Samples from one frame to the next: an odd number of cache lines, so that the same pixel of many frames
// does not fall on one place of the cache.
constexpr std::size_t kLine = 16;
std::size_t plane_stride(const Box& region) { return ((region.area() + kLine - 1) / kLine | 1) * kLine; }

}  // namespace

BandShape::BandShape(const BandSamples& samples, const Box& tile, int frame_count)
    : planes(samples.planes), frames(frame_count) {
  const std::size_t plane = SampleBlock::size_bytes(tile.w, tile.h, static_cast<std::size_t>(frames));
  const std::size_t all = static_cast<std::size_t>(planes) * plane;
  packed = samples.codes && (plane <= kCachedBytes || all <= kMostUnpackedBytes);
  block_bytes = packed && plane > kCachedBytes ? all : 0;
}

std::size_t BandShape::size_bytes(const Box& region) const {
  return plane_stride(region) * samples_a_pixel() * sample_bytes();
}

std::size_t BandShape::column_bytes(const Box& tile) const {
  const Box narrowest{0, 0, 2 * tile.w, tile.h};
  const std::size_t widest_gap = 2 * kLine - 1, columns = static_cast<std::size_t>(narrowest.w);
  return ((narrowest.area() + widest_gap) * samples_a_pixel() * sample_bytes() + columns - 1) / columns;
}

FrameBand::FrameBand(const FrameSource& source, const Box& region, int first_frame, const BandShape& shape,
                     int shared_rows, const std::shared_ptr<SpareMemory>& spare)
    : region_(region),
      shape_(shape),
      first_frame_(first_frame),
      shared_rows_(shared_rows),
      channels_(source.manifest().channels()),
      drizzled_(source.drizzles()),
      memory_(spare->take(shape.size_bytes(region))),
      stored_(index(shape.planes, 0)),
      code_step_(static_cast<std::size_t>(shape.frames)) {
  for (std::size_t i = 0; i < stored_.size(); ++i)
    if (shape.packed)
      stored_[i].codes = static_cast<std::uint16_t*>(memory_->data()) + i * plane_stride(region);
    else
      stored_[i].floats = static_cast<float*>(memory_->data()) + i * plane_stride(region);
  read(source, {region.x0, region.y0 + shared_rows, region.w, region.h - shared_rows});
}

void FrameBand::read_shared_rows(const FrameSource& source) { read(source, shared_box()); }

void FrameBand::read(const FrameSource& source, const Box& rows) {
  std::vector<Plane<float>> unpacked(static_cast<std::size_t>(shape_.planes));
  for (int f = 0; f < shape_.frames; ++f) {
    OpenFrame frame = source.open(first_frame_ + f);
    code_step_[static_cast<std::size_t>(f)] = frame.facts().code_step;
    std::vector<float*> planes(unpacked.size());
    for (std::size_t p = 0; p < planes.size(); ++p) {
      Stored& stored = stored_[index(static_cast<int>(p), f)];
      if (!shape_.packed) {
        planes[p] = stored.floats + place_of(rows);
      } else if (drizzled_ || !read_codes(frame, static_cast<int>(p), rows, stored)) {
        if (unpacked[p].empty()) unpacked[p] = Plane<float>(rows.w, rows.h);
        planes[p] = unpacked[p].data();
      }
    }
    if (std::all_of(planes.begin(), planes.end(), [](const float* plane) { return plane == nullptr; }))
      continue;
    read(frame, rows, planes);
    for (std::size_t p = 0; p < planes.size() && shape_.packed; ++p)
      if (planes[p] != nullptr) put(stored_[index(static_cast<int>(p), f)], rows, planes[p]);
  }
}

// Whether they could be taken as they lie in the file.
bool FrameBand::read_codes(OpenFrame& frame, int channel, const Box& rows, Stored& plane) {
  if (plane.floats != nullptr) return false;
  const auto found = frame.read_codes(channel, rows, plane.codes + place_of(rows));
  if (!found) return false;
  PackedSamples all = plane.packed;
  all.add(*found);
  if (all.lossless()) plane.packed = all;
  return all.lossless();
}

void FrameBand::read(OpenFrame& frame, const Box& rows, const std::vector<float*>& planes) const {
  if (!drizzled_) return frame.read_box(rows, planes);
  std::vector<DrizzledChannel> drizzled;
  const auto channels = static_cast<std::size_t>(channels_);
  for (std::size_t c = 0; c < channels; ++c) drizzled.push_back({planes[c], planes[channels + c]});
  frame.drizzle_box(rows, drizzled);
}

void FrameBand::copy_shared_rows(const FrameBand& above) {
  const Box rows = shared_box();
  for (std::size_t i = 0; i < stored_.size(); ++i) {
    const Stored& from = above.stored_[i];
    const std::ptrdiff_t at = above.place_of(rows);
    if (from.floats == nullptr)
      put_codes(stored_[i], rows, from.codes + at, from.packed);
    else if (shape_.packed)
      put(stored_[i], rows, from.floats + at);
    else
      std::copy_n(from.floats + at, rows.area(), stored_[i].floats);
  }
}

// What are no codes stay floats: the whole plane.
void FrameBand::put(Stored& plane, const Box& rows, const float* samples) {
  const std::ptrdiff_t at = place_of(rows);
  if (plane.floats == nullptr) {
    const PackedSamples before = plane.packed;
    plane.packed.add(pack_samples(samples, rows.area(), plane.codes + at));
    if (plane.packed.lossless()) return;
    not_packed_.push_back(std::make_unique_for_overwrite<float[]>(region_.area()));
    plane.floats = not_packed_.back().get();
    unpack_samples(plane.codes, region_.area(), before.has_none, plane.floats);
  }
  std::copy_n(samples, rows.area(), plane.floats + at);
}

// A band decides by its own rows: of others it has the codes, but may hold none that is not valid.
void FrameBand::put_codes(Stored& plane, const Box& rows, const std::uint16_t* codes,
                          const PackedSamples& packed) {
  const bool some = std::find(codes, codes + rows.area(), kNoSample) != codes + rows.area();
  PackedSamples all = plane.packed;
  all.add({true, some && packed.has_none, some && packed.has_last});
  if (plane.floats == nullptr && all.lossless()) {
    plane.packed = all;
    std::copy_n(codes, rows.area(), plane.codes + place_of(rows));
    return;
  }
  Plane<float> samples(rows.w, rows.h);
  unpack_samples(codes, rows.area(), packed.has_none, samples.data());
  put(plane, rows, samples.data());
}

std::size_t FrameBand::bytes_beside_codes() const {
  return not_packed_.size() * region_.area() * sizeof(float);
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
      if (const Stored& next = stored_[index(plane, std::min(f + kAhead, shape_.frames - 1))];
          next.floats == nullptr)
        for (std::size_t x = 0; x < width; x += 2 * kLine) __builtin_prefetch(next.codes + at + x);
      const Stored& stored = stored_[index(plane, f)];
      const auto i = static_cast<std::size_t>(f);
      if (stored.floats == nullptr)
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
      if (stored_[index(c, f)].floats == nullptr)
        channel[i] = {all.memory.back().view(i), code_step_[i], {}, static_cast<std::int64_t>(valid[i])};
      else
        channel[i] = {floats_of(c, f, box), code_step_[i], {}, -1};
      if (drizzled_) channel[i].shares = floats_of(channels_ + c, f, box);
    }
  }
  return all;
}

BandCache::BandCache(std::size_t memory_limit_bytes, std::size_t most_bands, std::size_t largest_band_bytes)
    : memory_limit_bytes_(memory_limit_bytes),
      most_bands_(most_bands),
      largest_band_bytes_(largest_band_bytes) {}

Box BandCache::region(const Box& tile, int image_width, const BandShape& shape,
                      std::size_t memory_limit_bytes, std::size_t bands, std::size_t largest_bytes) {
  const std::size_t column_bytes = shape.column_bytes(tile);
  // A part of the limit, so that the next band can be read while others are in use, and while it takes rows
  // from the one above.
  const std::size_t largest = largest_bytes - std::min(largest_bytes / 2, shape.block_bytes);
  const std::size_t band_bytes = std::min(memory_limit_bytes / std::max(kLeastBands, bands), largest);
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

void BandCache::make_room(std::size_t needed_bytes, std::size_t limit_bytes, std::size_t most_bands) {
  std::size_t used = needed_bytes, kept = 1;
  for (const auto& entry : entries_) {
    used += entry->bytes();
    ++kept;
  }
  // The longest unused first. Bands still being read stay, and those that a tile is cut from stay where they
  // are in memory; forgetting them here frees nothing yet.
  const auto forget = [&](bool in_use) {
    for (auto it = entries_.end(); it != entries_.begin();) {
      if (used <= limit_bytes && kept <= most_bands) return;
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
  spare_->clear();
}

void BandCache::warn_when_too_small(std::size_t band_bytes, std::size_t limit_bytes) {
  const std::size_t needed = band_bytes * std::max(kLeastBands, most_bands_);
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
  const Box region = BandCache::region(tile, m.width(), shape, limit, most_bands_, largest_band_bytes_);
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
  const std::weak_ptr<Entry> above = find_above(*entry);
  // A single thread keeps its last band where the next one wants some rows of it.
  make_room(size, limit, above.expired() ? most_bands_ : std::max(kLeastBands, most_bands_));
  int shared_rows = 0;
  if (const auto kept = above.lock()) shared_rows = kept->region.y1() - region.y0;
  entries_.push_front(entry);
  lock.unlock();
  std::shared_ptr<const FrameBand> band;
  try {
    band = read_band(*entry, above, shared_rows);
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

// Reads what it does not share first, as others may read theirs meanwhile. The band above is not held for so
// long: it may have gone, as one that cannot be read has.
std::shared_ptr<const FrameBand> BandCache::read_band(const Entry& wanted, const std::weak_ptr<Entry>& above,
                                                      int shared_rows) {
  auto band = std::make_shared<FrameBand>(*wanted.source, wanted.region, wanted.first_frame, wanted.shape,
                                          shared_rows, spare_);
  if (shared_rows == 0) return band;
  std::shared_ptr<const FrameBand> rows;
  if (const auto entry = above.lock()) {
    std::unique_lock<std::mutex> lock(mutex_);
    loaded_.wait(lock, [&] { return entry->band != nullptr || entry->failed; });
    rows = entry->band;
  }
  if (rows)
    band->copy_shared_rows(*rows);
  else
    band->read_shared_rows(*wanted.source);
  return band;
}

}  // namespace tilecompile
