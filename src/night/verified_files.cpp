#include "tilecompile/night/verified_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr const char* kRemedy =
    "; the file changed after the run began, or this host holds other frames: copy the frames again";

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

[[noreturn]] void refuse_changed(const std::filesystem::path& path) {
  throw InputError("frame " + path.string() + " is another file than a moment ago" + kRemedy);
}

[[noreturn]] void refuse_other(const std::filesystem::path& path, const std::string& sha256,
                               const ManifestEntry& entry) {
  throw InputError("frame " + path.string() + " has SHA-256 " + sha256 + ", the manifest says " +
                   entry.sha256 + kRemedy);
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

[[noreturn]] void refuse_short(const std::filesystem::path& path) {
  throw InputError("frame " + path.string() + " is shorter than the manifest says" + kRemedy);
}

[[noreturn]] void refuse_shrinking(const std::filesystem::path& path) {
  throw TransientError("frame " + path.string() +
                       " became shorter while it was read; let no one write to the frames during a run");
}

void read_at(int fd, const std::filesystem::path& path, std::uint64_t offset, std::span<unsigned char> out,
             void (*refuse_end)(const std::filesystem::path&) = refuse_short) {
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t got = ::pread(fd, out.data() + have, out.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw TransientError(file_error_text("reading frame", path, errno));
    if (got == 0) refuse_end(path);
    have += static_cast<std::size_t>(got);
  }
}

std::string_view text_of(std::span<const unsigned char> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void hash_up_to(int fd, const std::filesystem::path& path, std::uint64_t end, FileHash& hash) {
  std::vector<unsigned char> piece;
  while (hash.taken_bytes() < end) {
    piece.resize(std::min(hash.block_bytes(), end - hash.taken_bytes()));
    read_at(fd, path, hash.taken_bytes(), piece, refuse_shrinking);
    hash.update(text_of(piece));
  }
}

}  // namespace

/// Looks at the blocks of one file that nobody has looked at.
class VerifiedFiles::BySums : public FrameGuard {
 public:
  BySums(VerifiedFiles& files, std::filesystem::path path, std::string identity, std::string sha256,
         std::shared_ptr<const FileSums> sums)
      : files_(files),
        path_(std::move(path)),
        identity_(std::move(identity)),
        sha256_(std::move(sha256)),
        sums_(std::move(sums)) {}

  void look(std::int64_t begin, std::int64_t end) override {
    const auto first = static_cast<std::uint64_t>(begin);
    const auto last = std::min(static_cast<std::uint64_t>(end), sums_->file_bytes);
    const std::vector<std::size_t> blocks = unseen(first, last);
    if (blocks.empty()) return;
    const Descriptor file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.fd < 0) throw TransientError(file_error_text("reading frame", path_, errno));
    std::vector<unsigned char> bytes;
    for (const std::size_t b : blocks) {
      bytes.resize(size_of(b));
      read_at(file.fd, path_, start_of(b), bytes);
      check(b, bytes);
    }
    note(blocks);
  }

  // Whole blocks go where they are wanted; of those that stick out the wanted part is copied.
  void read(int fd, std::int64_t begin, std::span<unsigned char> out) override {
    const auto first = static_cast<std::uint64_t>(begin);
    const std::uint64_t last = first + out.size();
    const std::vector<std::size_t> blocks = unseen(first, last);
    std::uint64_t at = first;
    for (const std::size_t b : blocks) {
      const std::uint64_t from = std::max(first, start_of(b)), to = std::min(last, start_of(b) + size_of(b));
      read_at(fd, path_, at, out.subspan(at - first, from - at));
      const std::span<unsigned char> wanted = out.subspan(from - first, to - from);
      const bool whole = wanted.size() == size_of(b);
      if (!whole) edge_.resize(size_of(b));
      const std::span<unsigned char> block = whole ? wanted : std::span(edge_);
      read_at(fd, path_, start_of(b), block);
      check(b, block);
      if (!whole) std::copy_n(block.data() + (from - start_of(b)), wanted.size(), wanted.data());
      at = to;
    }
    read_at(fd, path_, at, out.subspan(at - first));
    if (!blocks.empty()) note(blocks);
  }

  std::int64_t step() const override { return static_cast<std::int64_t>(sums_->block_bytes); }

 private:
  std::uint64_t start_of(std::size_t block) const { return block * sums_->block_bytes; }
  std::size_t size_of(std::size_t block) const {
    return static_cast<std::size_t>(std::min(sums_->block_bytes, sums_->file_bytes - start_of(block)));
  }

  std::vector<std::size_t> unseen(std::uint64_t begin, std::uint64_t end) {
    std::vector<std::size_t> blocks;
    const std::lock_guard<std::mutex> lock(files_.mutex_);
    File& file = files_.files_[identity_];
    if (file.sha256 == sha256_) return blocks;
    file.seen.resize(sums_->sums.size());
    for (std::size_t b = static_cast<std::size_t>(begin / sums_->block_bytes); start_of(b) < end; ++b)
      if (!file.seen[b]) blocks.push_back(b);
    return blocks;
  }

  void check(std::size_t b, std::span<const unsigned char> bytes) const {
    if (block_sum(text_of(bytes)) != sums_->sums[b])
      throw InputError("frame " + path_.string() + " has other bytes from " + std::to_string(start_of(b)) +
                       " to " + std::to_string(start_of(b) + bytes.size()) +
                       " than what the manifest says, SHA-256 " + sha256_ + kRemedy);
  }

  void note(const std::vector<std::size_t>& blocks) {
    const std::lock_guard<std::mutex> lock(files_.mutex_);
    File& file = files_.files_[identity_];
    if (file.sha256 == sha256_) return;  // another thread has seen the rest meanwhile
    for (const std::size_t b : blocks) file.seen[b] = true;
    if (!std::all_of(file.seen.begin(), file.seen.end(), [](bool s) { return s; })) return;
    file.sha256 = sha256_;
    file.seen = {};
  }

  VerifiedFiles& files_;
  const std::filesystem::path path_;
  const std::string identity_, sha256_;
  const std::shared_ptr<const FileSums> sums_;
  std::vector<unsigned char> edge_;
};

/// Hashes a file as it is read for the first time.
class VerifiedFiles::FirstRead : public FrameGuard {
 public:
  FirstRead(std::filesystem::path path, std::shared_ptr<FileHash> hash)
      : path_(std::move(path)), hash_(std::move(hash)) {}
  void look(std::int64_t, std::int64_t) override {}  // there is nothing that it could be compared with

  void read(int fd, std::int64_t begin, std::span<unsigned char> out) override {
    const auto first = static_cast<std::uint64_t>(begin);
    if (hash_->taken_bytes() == 0 && first <= kMostHeaderBytes) hash_up_to(fd, path_, first, *hash_);
    read_at(fd, path_, first, out, refuse_shrinking);
    if (hash_->taken_bytes() == first) hash_->update(text_of(out));
  }

  std::int64_t step() const override { return static_cast<std::int64_t>(hash_->block_bytes()); }

 private:
  static constexpr std::uint64_t kMostHeaderBytes = std::uint64_t{1} << 20;
  const std::filesystem::path path_;
  const std::shared_ptr<FileHash> hash_;
};

bool VerifiedFiles::holds(const std::string& identity, const std::string& sha256) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = files_.find(identity);
  return known != files_.end() && known->second.sha256 == sha256;
}

void VerifiedFiles::verify(const std::filesystem::path& path, const ManifestEntry& entry) {
  const struct stat status = status_of(path);
  const std::string identity = identity_of(path, status);
  if (holds(identity, entry.sha256)) return;
  check_size(path, status, entry);
  const std::string found = sha256_file(path);
  if (found != entry.sha256) refuse_other(path, found, entry);
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = found;
}

FrameReader VerifiedFiles::open(const std::filesystem::path& path, const std::string& identity,
                                ZeroIsNodata zeros, std::unique_ptr<FrameGuard> guard) {
  std::shared_ptr<const FrameHead> head;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    head = files_[identity].head;
  }
  const bool known = head != nullptr;
  FrameReader reader(path, zeros, std::move(guard), std::move(head));
  if (known || !reader.head()) return reader;
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].head = reader.head();
  return reader;
}

FrameReader VerifiedFiles::open(const std::filesystem::path& path, ZeroIsNodata zeros) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return FrameReader(path, zeros);  // which says why
  return open(path, identity_of(path, status), zeros, {});
}

FrameReader VerifiedFiles::open(const std::filesystem::path& path, const ManifestEntry& entry,
                                ZeroIsNodata zeros) {
  const auto sums = sums_of(entry);
  if (!sums) verify(path, entry);
  const struct stat status = status_of(path);
  const std::string identity = identity_of(path, status);
  if (!sums || holds(identity, entry.sha256)) return open(path, identity, zeros, {});
  check_size(path, status, entry);
  return open(path, identity, zeros, std::make_unique<BySums>(*this, path, identity, entry.sha256, sums));
}

FrameReader VerifiedFiles::open_first(const std::filesystem::path& path, const ManifestEntry& entry,
                                      ZeroIsNodata zeros) {
  const struct stat status = status_of(path);
  check_size(path, status, entry);
  const std::string identity = identity_of(path, status);
  std::shared_ptr<FileHash> hash;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = files_.find(identity);
    if (entry.sha256.empty() && (known == files_.end() || !known->second.head)) refuse_changed(path);
    File& file = files_[identity];
    if (file.sha256.empty()) file.begun = hash = std::make_shared<FileHash>(entry.size_bytes);
  }
  if (!hash) return open(path, identity, zeros, {});
  return open(path, identity, zeros, std::make_unique<FirstRead>(path, std::move(hash)));
}

void VerifiedFiles::end_first(const std::filesystem::path& path, const ManifestEntry& entry) {
  const std::string identity = identity_of(path, status_of(path));
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto file = files_.find(identity);
    if (file == files_.end() || (file->second.sha256.empty() && !file->second.begun)) refuse_changed(path);
  }
  const std::string found = hash(path, identity);
  if (!entry.sha256.empty() && found != entry.sha256) refuse_other(path, found, entry);
}

void VerifiedFiles::check_unchanged(const std::filesystem::path& path) const {
  const std::string identity = identity_of(path, status_of(path));
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto file = files_.find(identity);
  if (file == files_.end() || !file->second.head) refuse_changed(path);
}

std::string VerifiedFiles::known_sha256(const std::filesystem::path& path) const {
  const std::string identity = identity_of(path, status_of(path));
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto file = files_.find(identity);
  if (file == files_.end() || file->second.sha256.empty()) refuse_changed(path);
  return file->second.sha256;
}

std::string VerifiedFiles::sha256_of(const std::filesystem::path& path) {
  return hash(path, identity_of(path, status_of(path)));
}

std::string VerifiedFiles::hash(const std::filesystem::path& path, const std::string& identity) {
  std::shared_ptr<FileHash> hash;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    File& file = files_[identity];
    if (!file.sha256.empty()) return file.sha256;
    hash = std::exchange(file.begun, nullptr);
  }
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) throw TransientError(file_error_text("reading frame", path, errno));
  const auto size = static_cast<std::uint64_t>(status_of(path).st_size);
  if (!hash) hash = std::make_shared<FileHash>(size);
  hash_up_to(file.fd, path, size, *hash);
  FileSums sums;
  std::string sha256 = hash->finish(sums);
  learn(sha256, std::move(sums));
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = sha256;
  return sha256;
}

FileContent VerifiedFiles::content_of(const std::filesystem::path& path, const ManifestEntry& entry) {
  const struct stat status = status_of(path);
  check_size(path, status, entry);
  const std::string identity = identity_of(path, status);
  FileContent content;
  content.sha256 = sha256_file(path, content.sums);
  if (identity_of(path, status_of(path)) != identity) refuse_changed(path);
  learn(content.sha256, content.sums);
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = content.sha256;
  return content;
}

void VerifiedFiles::remember(const std::filesystem::path& path, const std::string& sha256) {
  const std::string identity = identity_of(path, status_of(path));
  const std::lock_guard<std::mutex> lock(mutex_);
  files_[identity].sha256 = sha256;
}

void VerifiedFiles::learn(const std::string& sha256, FileSums sums) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sums_[sha256] = std::make_shared<const FileSums>(std::move(sums));
}

std::shared_ptr<const FileSums> VerifiedFiles::sums_of(const ManifestEntry& entry) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = sums_.find(entry.sha256);
  return known == sums_.end() || known->second->file_bytes != entry.size_bytes ? nullptr : known->second;
}

bool looks_like(const std::filesystem::path& path, const FileSums& sums) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) throw TransientError(file_error_text("reading frame", path, errno));
  std::vector<unsigned char> bytes;
  for (const std::size_t block : {std::size_t{0}, sums.sums.size() / 2}) {
    const std::uint64_t begin = block * sums.block_bytes;
    bytes.resize(std::min(sums.block_bytes, sums.file_bytes - begin));
    read_at(file.fd, path, begin, bytes);
    if (block_sum(text_of(bytes)) != sums.sums[block]) return false;
  }
  return true;
}

}  // namespace tilecompile
