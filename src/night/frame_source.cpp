#include "tilecompile/night/frame_source.hpp"

#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

constexpr double kSaturationShare = 0.95;  // of the largest code

}  // namespace

std::pair<FrameFile, std::string> fetch_new_frame(const FrameOrigin& origin, const std::string& path,
                                                  VerifiedFiles& verified) {
  if (!origin.cache) {
    const std::filesystem::path file = origin.folder / path;
    FileSums sums;
    const std::string sha256 = sha256_file(file, sums);
    verified.remember(file, sha256);
    verified.learn(sha256, std::move(sums));
    return {FrameFile{file, {}}, sha256};
  }
  const auto as_file = [](CachedFile copy) {
    const std::string sha256 = copy.sha256();
    const std::filesystem::path file = copy.path();
    return std::pair{FrameFile{file, std::move(copy)}, sha256};
  };
  if (origin.bucket) {
    const S3Object object = origin.bucket->look(origin.prefix + "/" + path);
    if (CachedFile copy = origin.cache->named(origin.name_of(path) + " " + object.etag))
      return as_file(std::move(copy));
  }
  std::string name;
  CachedFile copy =
      origin.cache->add([&](const std::filesystem::path& file) { name = origin.copy(path, file); });
  if (!name.empty()) origin.cache->give_name(name, copy);
  return as_file(std::move(copy));
}

FrameSource::FrameSource(FrameOrigin origin, std::shared_ptr<const Manifest> manifest,
                         ZeroIsNodata zero_is_nodata, std::shared_ptr<VerifiedFiles> verified,
                         std::shared_ptr<const RawNight> raw)
    : origin_(std::move(origin)),
      manifest_(std::move(manifest)),
      zero_is_nodata_(zero_is_nodata),
      verified_(std::move(verified)),
      raw_(std::move(raw)),
      band_samples_(BandSamples::of(*manifest_, raw_.get())) {}

namespace {

std::uint64_t sample_count(const FrameFacts& facts) {
  return static_cast<std::uint64_t>(facts.width) * static_cast<std::uint64_t>(facts.height) *
         static_cast<std::uint64_t>(facts.channels);
}

bool ends_like(std::string name, std::initializer_list<const char*> endings) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(endings.begin(), endings.end(), [&](const char* end) { return name.ends_with(end); });
}

// Bytes that a sample takes in a file of one picture whose samples lie there as they are; 0 where its size
// tells of another. The manifest of a run says nothing else of them.
std::uint64_t sample_bytes(const ManifestEntry& frame) {
  constexpr std::uint64_t kMostHeader = 128 * 1024;
  const std::uint64_t samples = sample_count(frame.facts);
  for (const std::uint64_t bytes : {8, 4, 2, 1}) {
    const std::uint64_t least = bytes * samples;
    if (frame.size_bytes >= least && frame.size_bytes <= least + least / 8 + kMostHeader) return bytes;
  }
  return 0;
}

bool is_packed(const ManifestEntry& frame) {
  return !ends_like(frame.path, {".fit", ".fits", ".fts"}) ||
         (sample_bytes(frame) == 0 && frame.size_bytes < 2 * sample_count(frame.facts));
}

bool holds_codes(const ManifestEntry& frame) {
  return !ends_like(frame.path, {".gz", ".fz"}) && sample_bytes(frame) == sizeof(std::uint16_t);
}

}  // namespace

BandSamples BandSamples::of(const Manifest& manifest, const RawNight* raw) {
  const auto& frames = manifest.frames;
  const bool codes = raw == nullptr && std::all_of(frames.begin(), frames.end(), holds_codes);
  const bool drizzled = raw != nullptr && raw->registration.drizzles();
  const bool packed = raw == nullptr && std::any_of(frames.begin(), frames.end(), is_packed);
  return {manifest.channels() * (drizzled ? 2 : 1), codes, packed};
}

std::size_t FrameSource::reserved_bytes() const {
  const bool keeps = (raw_ || band_samples_.packed) && origin_.kept && !origin_.kept_by_others;
  return keeps ? origin_.kept->limit_bytes() : 0;
}

FrameFile FrameSource::file(int index) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  if (!origin_.cache) {
    const std::filesystem::path path = origin_.folder / entry.path;
    verified_->verify(path, entry);
    return {path, {}};
  }
  const std::string& place = origin_.place_of(entry.path, entry.sha256);
  CachedFile copy = origin_.cache->get(entry.sha256, origin_.name_of(place),
                                       [&](const std::filesystem::path& file) { origin_.copy(place, file); });
  const std::filesystem::path path = copy.path();
  return {path, std::move(copy)};
}

FrameReader FrameSource::reader(int index, ZeroIsNodata zeros) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  if (entry.sha256.empty()) return verified_->open(origin_.folder / entry.path, zeros);
  if (!origin_.cache) return verified_->open(origin_.folder / entry.path, entry, zeros);
  auto copy = std::make_shared<FrameFile>(file(index));
  FrameReader reader = verified_->open(copy->path, zeros);
  if (reader.is_packed()) reader.hold(std::move(copy));  // it may open the file once more
  return reader;
}

OpenFrame FrameSource::open(int index) const {
  return opened(index, reader(index, raw_ ? ZeroIsNodata::kNever : zero_is_nodata_));
}

bool FrameSource::hashed_as_read(const ManifestEntry& entry) const {
  if (entry.sha256.empty()) return true;
  return !origin_.cache && !raw_ && !is_packed(entry) && verified_->sums_of(entry) != nullptr;
}

OpenFrame FrameSource::open_first(int index) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  if (!hashed_as_read(entry)) return open(index);
  return opened(index, verified_->open_first(origin_.folder / entry.path, entry, zero_is_nodata_));
}

void FrameSource::end_first(int index) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  if (hashed_as_read(entry)) verified_->end_first(origin_.folder / entry.path, entry);
}

FileContent FrameSource::content(int index) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  if (!origin_.cache) return verified_->content_of(origin_.folder / entry.path, entry);
  const FrameFile copy = fetch_new_frame(origin_, entry.path, *verified_).first;
  return verified_->content_of(copy.path, entry);
}

OpenFrame FrameSource::opened(int index, FrameReader reader) const {
  const ManifestEntry& entry = manifest_->frames.at(static_cast<std::size_t>(index));
  OpenFrame frame =
      raw_ ? OpenFrame(std::move(reader), raw_, raw_->frame(entry.path)) : OpenFrame(std::move(reader));
  if (origin_.kept && raw_) frame.keep_in(origin_.kept, manifest_->registration + " " + entry.path);
  if (origin_.kept && !raw_ && frame.is_packed() &&
      !entry.sha256.empty())  // its zeros are samples or none by the run's configuration
    frame.keep_in(origin_.kept, entry.sha256 + " " + std::to_string(static_cast<int>(zero_is_nodata_)));
  const FrameFacts& facts = frame.facts();
  if (facts.width != entry.facts.width || facts.height != entry.facts.height ||
      facts.channels != entry.facts.channels)
    throw InputError(origin_.name_of(entry.path) +
                     " has another shape than the manifest says; write the manifest anew");
  return frame;
}

double saturated_from(const FrameSource& source, const DataParams& data) {
  return data.saturation > 0 ? data.saturation : kSaturationShare * source.open(0).facts().largest_code;
}

}  // namespace tilecompile
