#include "tilecompile/night/frame_origin.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

S3Options s3_options(const S3Config& config) {
  S3Options options;
  options.endpoint = config.endpoint;
  options.bucket = config.bucket;
  options.region = config.region;
  options.path_style = config.path_style;
  options.ca_file = config.ca_file;
  options.credentials_file = config.credentials_file;
  options.profile = config.profile;
  options.max_attempts = config.max_attempts;
  options.connect_timeout_s = config.connect_timeout_s;
  options.stall_timeout_s = config.stall_timeout_s;
  return options;
}

}  // namespace

std::string FrameOrigin::describe() const {
  const std::string place = bucket ? bucket->describe() + ", prefix " + prefix : folder.string();
  return cache ? place + ", by " + cache->describe() : place;
}

std::string FrameOrigin::name_of(const std::string& path) const {
  return bucket ? "frame " + prefix + "/" + path + " in " + bucket->describe()
                : "frame " + (folder / path).string();
}

std::string FrameOrigin::copy(const std::string& path, const std::filesystem::path& to) const {
  if (bucket) {
    const std::string etag = bucket->download(prefix + "/" + path, to);
    return etag.empty() ? "" : name_of(path) + " " + etag;
  }
  std::error_code error;
  std::filesystem::copy_file(folder / path, to, error);
  if (error)
    throw TransientError("cannot copy " + name_of(path) + " to the cache: " + error.message() +
                         "; check that input.dir names the same frames on this host and is mounted, and that "
                         "cache.dir has room");
  return "";
}

FrameOrigin open_frames(const InputConfig& input, const StorageConfig& storage, const CacheConfig& cache) {
  FrameOrigin origin(input.dir);
  if (!cache.dir.empty())
    origin.cache =
        std::make_shared<FileCache>(cache.dir, static_cast<std::uint64_t>(cache.size_limit_mb) << 20);
  if (storage.s3.frames_prefix.empty()) return origin;
  origin.bucket = std::make_shared<S3Bucket>(s3_options(storage.s3));
  origin.prefix = storage.s3.frames_prefix;
  return origin;
}

FrameOrigin open_frames(const RunConfig& config) {
  const bool for_siril = config.input.stage == InputStage::kRaw && !calibrates(config);
  return open_frames(config.input, config.storage, for_siril ? CacheConfig{} : config.cache);
}

FrameOrigin open_worker_frames(const WorkerConfig& config) {
  FrameOrigin origin = open_frames(config.input, config.storage, config.cache);
  if (!config.storage.upload_frames) return origin;
  if (!origin.cache)
    throw UsageError(
        "'cache.dir' is not set: with 'storage.upload_frames' a worker reads frames from copies in that "
        "folder");
  const S3Config& s3 = config.storage.s3;
  origin.bucket = std::make_shared<S3Bucket>(s3_options(s3));
  origin.prefix = (s3.prefix.empty() ? "" : s3.prefix + "/") + kFramesFolder;
  origin.by_content = true;
  return origin;
}

std::unique_ptr<ObjectStore> open_store(const StorageConfig& storage, const std::filesystem::path& root) {
  if (storage.type != StorageType::kS3) return open_file_store(root);
  return open_s3_store(std::make_shared<S3Bucket>(s3_options(storage.s3)), storage.s3.prefix);
}

}  // namespace tilecompile
