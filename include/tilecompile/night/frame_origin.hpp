#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/night/kept_frames.hpp"
#include "tilecompile/storage/file_cache.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {

/// Where the frames of a run lie: a folder, or a bucket below a prefix. Paths of a manifest are relative to
/// either. With a cache the frames are read from copies in it.
struct FrameOrigin {
  FrameOrigin() = default;
  FrameOrigin(std::filesystem::path folder_of_frames) : folder(std::move(folder_of_frames)) {}

  std::filesystem::path folder;
  std::shared_ptr<S3Bucket> bucket;  ///< then `folder` means nothing
  std::string prefix;
  bool by_content = false;           ///< below `prefix` a frame is named by its SHA-256, not by its path
  std::shared_ptr<FileCache> cache;  ///< always there with a bucket
  /// Null: raw frames are resampled, packed ones unpacked, whenever they are read.
  std::shared_ptr<KeptFrames> kept;
  bool kept_by_others = false;  ///< what is kept counts against the memory of another reader

  std::string describe() const;
  /// What the frame of this path and content is called here: either of the two.
  const std::string& place_of(const std::string& path, const std::string& sha256) const {
    return by_content ? sha256 : path;
  }
  /// "frame night/a.fits in S3 bucket ...", for messages.
  std::string name_of(const std::string& path) const;
  /// Copies a frame. Returns what stands for its content for good, or nothing where there is no such thing.
  std::string copy(const std::string& path, const std::filesystem::path& to) const;
};

/// The frames that `input`, `storage.s3.frames_prefix` and `cache` name. Throws what the storage throws.
FrameOrigin open_frames(const InputConfig& input, const StorageConfig& storage, const CacheConfig& cache);
/// Those of a run. Raw ones for Siril are read once and need no cache.
FrameOrigin open_frames(const RunConfig& config);

/// Those that a worker reads: with storage.upload_frames what masters have brought into the bucket. Throws
/// UsageError when there is no cache then.
FrameOrigin open_worker_frames(const WorkerConfig& config);

/// The store that `storage` names; `root` is the folder of a file store.
std::unique_ptr<ObjectStore> open_store(const StorageConfig& storage, const std::filesystem::path& root);

}  // namespace tilecompile
