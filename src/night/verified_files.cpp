#include "tilecompile/night/verified_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

constexpr const char* kRemedy =
    "; the file changed after the run began, or this host holds other frames: copy the frames again";
static_assert(std::endian::native == std::endian::little, "numbers are stored as they lie in memory");
constexpr std::string_view kHead = "tilecompile sums of frames 1\n";
constexpr std::uint64_t kMostBlockBytes = std::uint64_t{1} << 40;

struct stat status_of(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0)
    throw TransientError(
        "cannot reach frame " + path.string() + ": " + std::strerror(errno) +
        "; check that input.dir names the same frames on this host and that the folder is mounted");
  return status;
}

std::string identity_of(const std::filesystem::path& path, const struct stat& s) {
  return path.string() + "|" + std::to_string(s.st_dev) + "|" + std::to_string(s.st_ino) + "|" +
         std::to_string(s.st_size) + "|" + std::to_string(s.st_mtim.tv_sec) + "." +
         std::to_string(s.st_mtim.tv_nsec);
}

void check_size(const std::filesystem::path& path, const struct stat& status, const ManifestEntry& entry) {
  if (static_cast<std::uint64_t>(status.st_size) != entry.size_bytes)
    throw InputError("frame " + path.string() + " has " + std::to_string(status.st_size) +
                     " bytes, the manifest says " + std::to_string(entry.size_bytes) + kRemedy);
}

/// A file that is read at some places.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) throw TransientError(file_error_text("reading frame", path, errno));
  }
  ~OpenFile() { ::close(fd_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  void read(std::uint64_t offset, std::string& bytes) const {
    std::size_t have = 0;
    while (have < bytes.size()) {
      const ssize_t got =
          ::pread(fd_, bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw TransientError(file_error_text("reading frame", path_, errno));
      if (got == 0)
        throw InputError("frame " + path_.string() + " is shorter than the manifest says" + kRemedy);
      have += static_cast<std::size_t>(got);
    }
  }

 private:
  const std::filesystem::path& path_;
  const int fd_;
};

void append(std::string& bytes, std::uint64_t number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::uint64_t next_number(std::string_view& bytes) {
  std::uint64_t number = 0;
  if (bytes.size() < sizeof number) throw InputError("sums of frames: the object is cut off");
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return number;
}

}  // namespace

void VerifiedFiles::verify(const std::filesystem::path& path, const ManifestEntry& entry) {
  const struct stat status = status_of(path);
  const std::string identity = identity_of(path, status);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = files_.find(identity);
    if (known != files_.end() && known->second.sha256 == entry.sha256) return;
  }
  check_size(path, status, entry);
  const std::string found = sha256_file(path);
  if (found != entry.sha256)
    throw InputError("frame " + path.string() + " has SHA-256 " + found + ", the manifest says " +
                     entry.sha256 + kRemedy);
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = found;
}

FrameReader::Guard VerifiedFiles::guard(const std::filesystem::path& path, const ManifestEntry& entry) {
  const auto sums = sums_of(entry);
  if (!sums) {
    verify(path, entry);
    return {};
  }
  const struct stat status = status_of(path);
  const std::string identity = identity_of(path, status);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = files_.find(identity);
    if (known != files_.end() && known->second.sha256 == entry.sha256) return {};
  }
  check_size(path, status, entry);
  return [this, file = Promised{path, identity, entry.sha256, sums}](std::int64_t begin, std::int64_t end) {
    const auto last = std::min(static_cast<std::uint64_t>(end), file.sums->file_bytes);
    look(file, static_cast<std::uint64_t>(begin), last);
  };
}

void VerifiedFiles::look(const Promised& promised, std::uint64_t begin, std::uint64_t end) {
  const FileSums& sums = *promised.sums;
  std::vector<std::size_t> unseen;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    File& file = files_[promised.identity];
    if (file.sha256 == promised.sha256) return;
    file.seen.resize(sums.sums.size());
    for (std::uint64_t b = begin / sums.block_bytes; b * sums.block_bytes < end; ++b)
      if (!file.seen[static_cast<std::size_t>(b)]) unseen.push_back(static_cast<std::size_t>(b));
  }
  if (unseen.empty()) return;
  const OpenFile file(promised.path);
  std::string bytes;
  for (const std::size_t b : unseen) {
    const std::uint64_t from = b * sums.block_bytes;
    bytes.resize(static_cast<std::size_t>(std::min(sums.block_bytes, sums.file_bytes - from)));
    file.read(from, bytes);
    if (block_sum(bytes) != sums.sums[b])
      throw InputError("frame " + promised.path.string() + " has other bytes from " + std::to_string(from) +
                       " to " + std::to_string(from + bytes.size()) +
                       " than what the manifest says, SHA-256 " + promised.sha256 + kRemedy);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  File& seen = files_[promised.identity];
  if (seen.sha256 == promised.sha256) return;  // another thread has seen the rest meanwhile
  for (const std::size_t b : unseen) seen.seen[b] = true;
  if (std::all_of(seen.seen.begin(), seen.seen.end(), [](bool s) { return s; })) seen = {promised.sha256, {}};
}

void VerifiedFiles::remember(const std::filesystem::path& path, const std::string& sha256) {
  const std::string identity = identity_of(path, status_of(path));
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = sha256;
}

void VerifiedFiles::learn(const std::string& sha256, FileSums sums) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sums_.try_emplace(sha256, std::make_shared<const FileSums>(std::move(sums)));
}

std::shared_ptr<const FileSums> VerifiedFiles::sums_of(const ManifestEntry& entry) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = sums_.find(entry.sha256);
  return known == sums_.end() || known->second->file_bytes != entry.size_bytes ? nullptr : known->second;
}

std::string encode_frame_sums(const Manifest& manifest, const VerifiedFiles& files) {
  std::string bytes(kHead);
  for (const ManifestEntry& frame : manifest.frames) {
    const auto sums = files.sums_of(frame);
    if (!sums) return "";
    append(bytes, sums->block_bytes);
    for (const std::uint64_t sum : sums->sums) append(bytes, sum);
  }
  return bytes;
}

void learn_frame_sums(std::string_view bytes, const Manifest& manifest, VerifiedFiles& files) {
  if (!bytes.starts_with(kHead)) throw InputError("sums of frames: the object is something else");
  bytes.remove_prefix(kHead.size());
  for (const ManifestEntry& frame : manifest.frames) {
    FileSums sums{frame.size_bytes, next_number(bytes), {}};
    if (sums.block_bytes == 0 || sums.block_bytes > kMostBlockBytes)
      throw InputError("sums of frames: a block has " + std::to_string(sums.block_bytes) + " bytes");
    const std::uint64_t blocks = block_count(sums.file_bytes, sums.block_bytes);
    if (blocks > bytes.size() / sizeof(std::uint64_t))
      throw InputError("sums of frames: the object is cut off");
    for (std::uint64_t b = 0; b < blocks; ++b) sums.sums.push_back(next_number(bytes));
    files.learn(frame.sha256, std::move(sums));
  }
  if (!bytes.empty()) throw InputError("sums of frames: the object is longer than what it holds");
}

}  // namespace tilecompile
