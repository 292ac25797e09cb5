#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Kind of a name in an open folder without following links: S_IFMT bits, or 0 with errno set.
mode_t kind_of(int folder, const std::string& name) {
  struct stat info {};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return info.st_mode & S_IFMT;
}

/// Whether a file system begins at this open folder.
bool is_mount(int folder) {
  struct stat here {
  }, above{};
  return ::fstat(folder, &here) == 0 && ::fstatat(folder, "..", &above, 0) == 0 &&
         here.st_dev != above.st_dev;
}

std::vector<std::string> components_of(const std::string& key) {
  check_object_key(key);
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('/', begin), key.size());
    parts.push_back(key.substr(begin, end - begin));
    if (parts.back().compare(0, kTemporaryPrefix.size(), kTemporaryPrefix) == 0)
      throw InputError("storage key '" + key + "' is refused: names beginning with '" +
                       std::string(kTemporaryPrefix) + "' belong to files being written; use another name");
    begin = end + 1;
  }
  return parts;
}

class FileStore final : public ObjectStore {
 public:
  explicit FileStore(std::filesystem::path root) : root_(std::move(root)) {
    const Descriptor folder(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    mounted_ = folder && is_mount(folder.get());
  }

  void put(const std::string& key, std::string_view bytes) override {
    const std::vector<std::string> parts = components_of(key);
    const Descriptor folder = open_folder(key, parts, true);
    const mode_t kind = kind_of(folder.get(), parts.back());
    if (kind == S_IFLNK) refuse_link(key, parts.back());
    if (kind == S_IFDIR) throw InputError("storage key '" + key + "' is refused: a folder has that name");
    write_file_atomically_at(folder.get(), parts.back(), bytes, root_ / key);
  }

  std::string get(const std::string& key) override {
    const std::vector<std::string> parts = components_of(key);
    const Descriptor folder = open_folder(key, parts, false);
    if (!folder) fail("reading", key, ENOENT);
    if (kind_of(folder.get(), parts.back()) == S_IFLNK) refuse_link(key, parts.back());
    // O_NONBLOCK: a named pipe must not hold the reader up.
    const Descriptor file(
        ::openat(folder.get(), parts.back().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) fail("reading", key, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) fail("reading", key, errno);
    if (!S_ISREG(info.st_mode)) throw InputError("storage key '" + key + "' is not a regular file");
    return read_whole(file.get(), static_cast<std::size_t>(info.st_size), key);
  }

  bool exists(const std::string& key) override {
    const std::vector<std::string> parts = components_of(key);
    const Descriptor folder = open_folder(key, parts, false);
    if (!folder) return false;
    const mode_t kind = kind_of(folder.get(), parts.back());
    if (kind == S_IFLNK) refuse_link(key, parts.back());
    if (kind == 0 && errno != ENOENT) fail("looking for", key, errno);
    return kind == S_IFREG;
  }

  void remove(const std::string& key) override {
    const std::vector<std::string> parts = components_of(key);
    const Descriptor folder = open_folder(key, parts, false);
    if (!folder) return;
    if (::unlinkat(folder.get(), parts.back().c_str(), 0) != 0 && errno != ENOENT)
      fail("removing", key, errno);
  }

  std::vector<StoredObject> list(const std::string& folder) override {
    namespace fs = std::filesystem;
    const std::vector<std::string> parts = components_of(folder + "/any");
    if (!open_folder(folder, parts, false)) return {};
    std::vector<StoredObject> found;
    std::error_code error;
    fs::recursive_directory_iterator it(root_ / folder, error);
    for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      if (!it->is_regular_file() || it->is_symlink()) continue;
      const std::string name = it->path().filename().string();
      if (name.compare(0, kTemporaryPrefix.size(), kTemporaryPrefix) == 0) continue;
      found.push_back({it->path().lexically_relative(root_).generic_string(), it->file_size()});
    }
    if (error) fail("listing", folder, error.value());
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return found;
  }

  std::string describe() const override { return "file store " + root_.string(); }

 private:
  [[noreturn]] void fail(const std::string& action, const std::string& key, int error) const {
    throw TransientError(file_error_text(action, root_ / key, error));
  }
  [[noreturn]] void refuse_link(const std::string& key, const std::string& part) const {
    throw InputError("storage key '" + key + "' is refused: '" + part + "' below " + root_.string() +
                     " is a symbolic link; replace it by a real folder or file");
  }

  /// Opens the folder of the last component, walking down without following links. With `create`, missing
  /// folders are made; otherwise a missing one gives an empty descriptor.
  Descriptor open_folder(const std::string& key, const std::vector<std::string>& parts, bool create) const {
    Descriptor folder(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) throw TransientError(file_error_text("opening the file store", root_ / key, errno));
    if (mounted_ && !is_mount(folder.get()))
      throw TransientError("the storage has gone: nothing is mounted on " + root_.string() +
                           " any more; mount it again (wanted: " + key + ")");
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const char* name = parts[i].c_str();
      if (create && ::mkdirat(folder.get(), name, 0777) == 0)
        ::fsync(folder.get());  // best effort: the file's own fsync reports a failing disk
      Descriptor next(::openat(folder.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) {
        const int error = errno;
        const mode_t kind = kind_of(folder.get(), parts[i]);
        if (kind == S_IFLNK) refuse_link(key, parts[i]);
        if (kind == S_IFREG)
          throw InputError("storage key '" + key + "' is refused: '" + parts[i] + "' is a file");
        if (!create && error == ENOENT) return Descriptor();
        fail("opening the folder of", key, error);
      }
      folder = std::move(next);
    }
    return folder;
  }

  std::string read_whole(int fd, std::size_t size_bytes, const std::string& key) const {
    std::string bytes(size_bytes, '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t n = ::pread(fd, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("reading", key, errno);
      if (n == 0) fail("reading", key, ESTALE);  // shorter than it said: not ours, objects are replaced whole
      have += static_cast<std::size_t>(n);
    }
    return bytes;
  }

  std::filesystem::path root_;
  bool mounted_ = false;  ///< the root was a mount: the folder beneath it is no storage
};

}  // namespace

std::unique_ptr<ObjectStore> open_file_store(const std::filesystem::path& root) {
  return std::make_unique<FileStore>(std::filesystem::absolute(root));
}

std::size_t sweep_temporary_files(const std::filesystem::path& root, double age_s) {
  namespace fs = std::filesystem;
  std::size_t removed = 0;
  std::error_code error;
  const auto now = fs::file_time_type::clock::now();
  fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path path = it->path();
    std::error_code gone;  // another sweeper or the writer itself may be faster
    if (path.filename().string().compare(0, kTemporaryPrefix.size(), kTemporaryPrefix) != 0) continue;
    if (!fs::is_regular_file(it->symlink_status(gone)) || gone) continue;
    const auto written = fs::last_write_time(path, gone);
    if (gone || std::chrono::duration<double>(now - written).count() < age_s) continue;
    if (fs::remove(path, gone) && !gone) ++removed;
  }
  return removed;
}

}  // namespace tilecompile
