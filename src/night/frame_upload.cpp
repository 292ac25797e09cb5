#include "tilecompile/night/frame_upload.hpp"

#include <atomic>
#include <fstream>
#include <iterator>
#include <map>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

constexpr int kMostAtOnce = 4;  // they share one line to the bucket

std::string bytes_of(const FrameFile& file, const ManifestEntry& entry) {
  std::ifstream in(file.path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.size() != entry.size_bytes)
    throw TransientError("reading frame " + file.path.string() + " to bring it into the bucket: " +
                         std::to_string(bytes.size()) + " bytes came, the manifest says " +
                         std::to_string(entry.size_bytes) + "; is its disk still mounted?");
  return bytes;
}

}  // namespace

FrameUpload upload_frames(const FrameSource& frames, ObjectStore& store, int threads, Observer& observer) {
  std::map<std::string, std::uint64_t> there;
  for (const StoredObject& object : store.list(kFramesFolder)) there[object.key] = object.size_bytes;
  FrameUpload upload;
  std::vector<int> missing;
  const auto& entries = frames.manifest().frames;
  for (std::size_t f = 0; f < entries.size(); ++f) {
    const auto known = there.find(frame_object_key(entries[f].sha256));
    if (known != there.end() && known->second == entries[f].size_bytes) {
      ++upload.known;
      continue;
    }
    missing.push_back(static_cast<int>(f));
    upload.bytes += entries[f].size_bytes;
  }
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(missing.size()), std::min(threads, kMostAtOnce), [&](int i) {
    observer.check_stop();
    const int f = missing[static_cast<std::size_t>(i)];
    const ManifestEntry& entry = entries[static_cast<std::size_t>(f)];
    store.put(frame_object_key(entry.sha256), bytes_of(frames.file(f), entry));
    observer.progress(++done);
  });
  upload.brought = static_cast<int>(missing.size());
  return upload;
}

}  // namespace tilecompile
