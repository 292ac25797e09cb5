#include "tilecompile/storage/file_cache.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
constexpr double kAbandonedAfter_s = 3600;  // a fetch that has written nothing for so long has died

int lock_file(int fd, int operation) {
  int result = 0;
  do result = ::flock(fd, operation);
  while (result != 0 && errno == EINTR);
  return result;
}

// One lock of the folder locks/, held until the object goes. Separate for each opening, so it also keeps the
// threads of one process apart.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ >= 0 && lock_file(fd_, LOCK_EX) == 0) return;
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    throw TransientError(file_error_text("locking", path, error));
  }
  ~FolderLock() { ::close(fd_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

// A file that is removed with the object unless it was renamed away.
class Incoming {
 public:
  explicit Incoming(const fs::path& folder) : path_(folder / (std::string(kTemporaryPrefix) + new_uuid())) {}
  ~Incoming() { ::unlink(path_.c_str()); }
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string identity_of(const struct stat& s) {
  return std::to_string(s.st_dev) + "|" + std::to_string(s.st_ino) + "|" + std::to_string(s.st_size) + "|" +
         std::to_string(s.st_mtim.tv_sec) + "." + std::to_string(s.st_mtim.tv_nsec);
}

// Also where the file system is mounted without access times. Not by UTIME_NOW, which goes by ticks: of files
// that are used in one the order would be lost.
void note_use(int fd) {
  timespec times[2] = {{}, {0, UTIME_OMIT}};
  ::clock_gettime(CLOCK_REALTIME, times);
  ::futimens(fd, times);
}

struct Resident {
  fs::path path;
  std::uint64_t size_bytes = 0;
  timespec used{};
};

std::vector<Resident> residents(const fs::path& dir) {
  std::vector<Resident> found;
  std::error_code error;
  for (const fs::directory_entry& folder : fs::directory_iterator(dir, error)) {
    if (folder.path().filename().string().size() != 2) continue;
    std::error_code gone;
    for (const fs::directory_entry& item : fs::directory_iterator(folder.path(), gone)) {
      struct stat status {};
      if (!is_sha256(item.path().filename().string()) || ::lstat(item.path().c_str(), &status) != 0) continue;
      if (S_ISREG(status.st_mode))
        found.push_back({item.path(), static_cast<std::uint64_t>(status.st_size), status.st_atim});
    }
  }
  std::sort(found.begin(), found.end(), [](const Resident& a, const Resident& b) {
    if (a.used.tv_sec != b.used.tv_sec) return a.used.tv_sec < b.used.tv_sec;
    if (a.used.tv_nsec != b.used.tv_nsec) return a.used.tv_nsec < b.used.tv_nsec;
    return a.path < b.path;
  });
  return found;
}

bool remove_unless_used(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const bool removed = lock_file(fd, LOCK_EX | LOCK_NB) == 0 && ::unlink(path.c_str()) == 0;
  ::close(fd);
  return removed;
}

void drop_dangling_links(const fs::path& names) {
  std::error_code error;
  for (const fs::directory_entry& link : fs::directory_iterator(names, error)) {
    std::error_code gone;
    if (!fs::exists(link.path(), gone) && link.is_symlink(gone)) ::unlink(link.path().c_str());
  }
}

}  // namespace

CachedFile::CachedFile(CachedFile&& other) noexcept
    : path_(std::move(other.path_)), sha256_(std::move(other.sha256_)), fd_(std::exchange(other.fd_, -1)) {}

CachedFile& CachedFile::operator=(CachedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(sha256_, other.sha256_);
  std::swap(fd_, other.fd_);
  return *this;
}

CachedFile::~CachedFile() {
  if (fd_ >= 0) ::close(fd_);
}

FileCache::FileCache(fs::path dir, std::uint64_t limit_bytes)
    : dir_(fs::absolute(dir)), limit_bytes_(limit_bytes) {
  for (const char* folder : {"incoming", "locks", "names"}) {
    std::error_code error;
    fs::create_directories(dir_ / folder, error);
    if (error) throw TransientError(file_error_text("making the cache folder", dir_ / folder, error.value()));
  }
  sweep_temporary_files(dir_ / "incoming", kAbandonedAfter_s);
}

std::string FileCache::describe() const {
  return "cache " + dir_.string() +
         (limit_bytes_ == 0 ? "" : " of at most " + std::to_string(limit_bytes_ >> 20) + " MiB");
}

fs::path FileCache::path_of(const std::string& sha256) const { return dir_ / sha256.substr(0, 2) / sha256; }

fs::path FileCache::link_of(const std::string& name) const { return dir_ / "names" / sha256_hex(name); }

bool FileCache::known(const std::string& sha256, const std::string& identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = known_.find(sha256);
  return found != known_.end() && found->second == identity;
}

void FileCache::note(const std::string& sha256, const std::string& identity) {
  const std::lock_guard<std::mutex> lock(mutex_);
  known_[sha256] = identity;
}

CachedFile FileCache::open(const std::string& sha256) {
  const fs::path path = path_of(sha256);
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return {};
  CachedFile file(path, sha256, fd);
  struct stat status {};
  if (lock_file(fd, LOCK_SH) != 0 || ::fstat(fd, &status) != 0 || status.st_nlink == 0) return {};
  const std::string identity = identity_of(status);
  if (!known(sha256, identity)) {
    if (sha256_file(path) != sha256) {
      log_warning("a damaged file in the cache is dropped", {{"file", path.string()}});
      ::unlink(path.c_str());
      return {};
    }
    note(sha256, identity);
  }
  note_use(fd);
  return file;
}

CachedFile FileCache::take_in(const std::string& expected_sha256, const std::string& what,
                              const Fetch& fetch) {
  const Incoming incoming(dir_ / "incoming");
  fetch(incoming.path());
  const std::string found = sha256_file(incoming.path());
  if (!expected_sha256.empty() && found != expected_sha256)
    throw InputError(what + " has SHA-256 " + found + ", the manifest says " + expected_sha256 +
                     "; the frame changed after the run began, or this host is pointed at other frames: put "
                     "the right frame there again");
  if (expected_sha256.empty())
    if (CachedFile there = open(found)) return there;
  const fs::path path = path_of(found);
  const auto fail = [&] { throw TransientError(file_error_text("keeping", path, errno)); };
  const int fd = ::open(incoming.path().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail();
  CachedFile file(path, found, fd);
  struct stat status {};
  if (lock_file(fd, LOCK_SH) != 0 || ::fstat(fd, &status) != 0) fail();
  const FolderLock room(dir_ / "locks" / "room");
  make_room(static_cast<std::uint64_t>(status.st_size));
  std::error_code ignored;  // the rename reports it
  fs::create_directory(path.parent_path(), ignored);
  if (::rename(incoming.path().c_str(), path.c_str()) != 0) fail();
  note(found, identity_of(status));
  note_use(fd);
  return file;
}

CachedFile FileCache::get(const std::string& sha256, const std::string& what, const Fetch& fetch) {
  if (!is_sha256(sha256)) throw InputError(what + " has no SHA-256 in the manifest, found '" + sha256 + "'");
  if (CachedFile file = open(sha256)) return file;
  const FolderLock lock(dir_ / "locks" / sha256.substr(0, 2));
  if (CachedFile file = open(sha256)) return file;  // another one fetched it meanwhile
  return take_in(sha256, what, fetch);
}

CachedFile FileCache::add(const Fetch& fetch) { return take_in("", "", fetch); }

CachedFile FileCache::named(const std::string& name) {
  std::error_code error;
  const std::string sha256 = fs::read_symlink(link_of(name), error).filename().string();
  return error || !is_sha256(sha256) ? CachedFile() : open(sha256);
}

void FileCache::give_name(const std::string& name, const CachedFile& file) {
  const fs::path link = link_of(name);
  const Incoming incoming(dir_ / "incoming");
  const fs::path target = fs::path("..") / file.sha256().substr(0, 2) / file.sha256();
  if (::symlink(target.c_str(), incoming.path().c_str()) != 0 ||
      ::rename(incoming.path().c_str(), link.c_str()) != 0)
    throw TransientError(file_error_text("keeping", link, errno));
}

void FileCache::make_room(std::uint64_t needed_bytes) {
  if (limit_bytes_ == 0) return;
  const std::vector<Resident> files = residents(dir_);
  std::uint64_t used = needed_bytes;
  for (const Resident& file : files) used += file.size_bytes;
  bool removed = false;
  for (const Resident& file : files) {
    if (used <= limit_bytes_) break;
    if (!remove_unless_used(file.path)) continue;
    used -= file.size_bytes;
    removed = true;
  }
  if (removed) drop_dangling_links(dir_ / "names");
}

}  // namespace tilecompile
