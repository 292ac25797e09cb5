#include "tilecompile/base/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

/// A file descriptor that is closed with the object.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  /// Closes now; 0 or errno. Network file systems report a full disk here.
  int close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

std::string remedy(int error, const std::filesystem::path& path) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free space on the file system of " + path.parent_path().string();
    case EROFS:
      return "the file system is mounted read-only: mount it writable or choose another folder";
    case EACCES:
    case EPERM:
      return "give this user access to " + path.parent_path().string();
    case ENOENT:
    case ENOTDIR:
      return "check that the folder " + path.parent_path().string() + " exists and is mounted";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    case EFBIG:
      return "raise the file size limit (ulimit -f) or use a file system that takes larger files";
    case ESTALE:
    case EIO:
      return "check the disk or the network mount";
    default:
      return "check the folder " + path.parent_path().string();
  }
}

int write_all(int fd, std::string_view bytes, std::uint64_t offset) {
  constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t n =
        ::pwrite(fd, bytes.data(), std::min(bytes.size(), kMostAtOnce), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return 0;
}

/// Makes the renamed name durable. Some file systems have no fsync of folders (EINVAL): nothing to do there.
int sync_folder(int folder_fd) {
  if (::fsync(folder_fd) == 0 || errno == EINVAL || errno == EROFS) return 0;
  return errno;
}

}  // namespace

std::string file_error_text(const std::string& action, const std::filesystem::path& path, int error) {
  return action + " " + path.string() + " failed: " + std::generic_category().message(error) + "; " +
         remedy(error, path);
}

void write_file_atomically_at(int folder_fd, const std::string& name, std::string_view bytes,
                              const std::filesystem::path& shown) {
  const std::string temporary = std::string(kTemporaryPrefix) + new_uuid();
  const auto fail = [&](int error) {
    ::unlinkat(folder_fd, temporary.c_str(), 0);
    throw TransientError(file_error_text("writing", shown, error));
  };
  Descriptor file(::openat(folder_fd, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (file.get() < 0) throw TransientError(file_error_text("writing", shown, errno));
  if (const int error = write_all(file.get(), bytes, 0)) fail(error);
  if (::fsync(file.get()) != 0) fail(errno);
  if (const int error = file.close()) fail(error);
  if (::renameat(folder_fd, temporary.c_str(), folder_fd, name.c_str()) != 0) fail(errno);
  if (const int error = sync_folder(folder_fd))
    throw TransientError(file_error_text("making durable", shown, error));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) throw TransientError(file_error_text("writing", path, errno));
  write_file_atomically_at(descriptor.get(), path.filename().string(), bytes, path);
}

void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (from == to) return;
  const std::filesystem::path link =
      to.parent_path() / (std::string(kTemporaryPrefix) + to.filename().string());
  std::error_code error;
  std::filesystem::remove(link, error);
  std::filesystem::create_hard_link(from, link, error);
  if (error) std::filesystem::copy_file(from, link, error);
  if (!error) std::filesystem::rename(link, to, error);
  if (error) throw TransientError(file_error_text("writing", to, error.value()));
  std::filesystem::remove(link, error);  // still there when `to` was such a name already
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)),
      temporary_((path_.has_parent_path() ? path_.parent_path() : ".") /
                 (std::string(kTemporaryPrefix) + new_uuid())),
      fd_(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail(errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(int error) const { throw TransientError(file_error_text("writing", path_, error)); }

void AtomicFile::write_at(std::uint64_t offset, std::string_view bytes) {
  if (const int error = write_all(fd_, bytes, offset)) fail(error);
  // The disk begins now: keep(), which waits for it, has less to wait for. Where that cannot be asked it
  // waits longer.
  constexpr std::size_t kWorthAsking = std::size_t{64} << 10;
  if (bytes.size() >= kWorthAsking)
    ::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(bytes.size()),
                      SYNC_FILE_RANGE_WRITE);
}

void AtomicFile::read_at(std::uint64_t offset, char* bytes, std::size_t size) const {
  while (size > 0) {
    const ssize_t n = ::pread(fd_, bytes, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(n == 0 ? EIO : errno);
    bytes += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
}

void AtomicFile::keep() {
  if (::fsync(fd_) != 0) fail(errno);
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) fail(errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail(errno);
  const Descriptor folder(::open(temporary_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  temporary_.clear();
  if (const int error = folder.get() < 0 ? errno : sync_folder(folder.get()))
    throw TransientError(file_error_text("making durable", path_, error));
}

}  // namespace tilecompile
