#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace tilecompile {

/// A file of a cache. While this object lives no process throws the file out.
class CachedFile {
 public:
  CachedFile() = default;
  CachedFile(std::filesystem::path path, std::string sha256, int locked_fd)
      : path_(std::move(path)), sha256_(std::move(sha256)), fd_(locked_fd) {}
  CachedFile(CachedFile&& other) noexcept;
  CachedFile& operator=(CachedFile&& other) noexcept;
  ~CachedFile();
  explicit operator bool() const { return fd_ >= 0; }
  const std::filesystem::path& path() const { return path_; }
  const std::string& sha256() const { return sha256_; }

 private:
  std::filesystem::path path_;
  std::string sha256_;
  int fd_ = -1;
};

/// Files on a local disk under the SHA-256 of their content, shared by any number of threads and processes.
/// What is handed out was found to have that content by this process. New files appear by a rename, so half
/// a file has no name; one that was damaged later is dropped and fetched again. When the files exceed the
/// limit, those that were used longest ago and are not in use are removed.
///
/// Layout: `<first two digits>/<SHA-256>` the files, `names/` links from names to them, `incoming/` files
/// being fetched, `locks/`. Nothing else in the folder is touched.
class FileCache {
 public:
  /// Writes the content to the file it is given.
  using Fetch = std::function<void(const std::filesystem::path& file)>;

  /// Makes the folder if need be. `limit_bytes` 0: no limit. Throws TransientError when it cannot be written.
  FileCache(std::filesystem::path dir, std::uint64_t limit_bytes);

  /// The file with this SHA-256; fetched, by one thread of one process at a time, when it is not there.
  /// Throws InputError, naming `what`, when the fetched content is another, TransientError when the cache
  /// cannot be written, and what `fetch` throws.
  CachedFile get(const std::string& sha256, const std::string& what, const Fetch& fetch);
  /// Fetches a file whose SHA-256 is not known yet.
  CachedFile add(const Fetch& fetch);

  /// The file that `name` was last given to; none when it is gone.
  CachedFile named(const std::string& name);
  /// `name` must stand for one content for good, for example an address with its ETag.
  void give_name(const std::string& name, const CachedFile& file);

  std::string describe() const;
  /// Whether files of this size together stay in the cache.
  bool holds(std::uint64_t bytes) const { return limit_bytes_ == 0 || bytes <= limit_bytes_; }

 private:
  std::filesystem::path path_of(const std::string& sha256) const;
  std::filesystem::path link_of(const std::string& name) const;
  CachedFile open(const std::string& sha256);
  CachedFile take_in(const std::string& expected_sha256, const std::string& what, const Fetch& fetch);
  bool known(const std::string& sha256, const std::string& identity);
  void note(const std::string& sha256, const std::string& identity);
  void make_room(std::uint64_t needed_bytes);  // under the lock "room"

  std::filesystem::path dir_;
  std::uint64_t limit_bytes_;
  std::mutex mutex_;
  std::map<std::string, std::string> known_;  // SHA-256 -> identity of the file that was found to have it
};

}  // namespace tilecompile
