#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "frame_layout.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

/// cfitsio copies names into buffers of this size.
constexpr std::size_t kLongestName = FLEN_FILENAME - 1;
/// Deflate cannot do better than this, so a gzip trailer that claims more is a lie.
constexpr std::uint64_t kDeflateLimit = 1032;

std::uint32_t little_endian32(const unsigned char* b) {
  return b[0] | b[1] << 8 | b[2] << 16 | static_cast<std::uint32_t>(b[3]) << 24;
}

void check_gzip_size(int fd, std::uint64_t size, const std::filesystem::path& path) {
  std::array<unsigned char, 4> trailer{};
  if (size < 18 || ::pread(fd, trailer.data(), 4, static_cast<off_t>(size - 4)) != 4)
    refuse_frame(path, "the gzip file is cut off (" + std::to_string(size) + " bytes)", "copy it again");
  const std::uint64_t claimed = little_endian32(trailer.data());
  if (claimed > size * kDeflateLimit + 4096)
    refuse_frame(path,
                 "its gzip trailer claims " + std::to_string(claimed) + " bytes, impossible for a file of " +
                     std::to_string(size),
                 "the file is damaged: copy it again");
}

/// Checks type, size and first bytes; true for gzip.
bool looks_gzipped(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw_frame_errno(path, errno);
  if (!S_ISREG(info.st_mode))
    refuse_frame(path, "it is not a regular file", "remove it from the list of frames");
  if (info.st_size == 0) refuse_frame(path, "the file is empty", "copy it again or remove it");
  std::array<unsigned char, 80> head{};
  const ssize_t n = ::pread(fd, head.data(), head.size(), 0);
  if (n < 0) throw_frame_errno(path, errno);
  if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
    check_gzip_size(fd, static_cast<std::uint64_t>(info.st_size), path);
    return true;
  }
  if (std::memcmp(head.data(), "SIMPLE  =", 9) != 0)
    refuse_frame(path, "not a FITS file: it does not begin with 'SIMPLE  ='",
                 "give FITS frames (plain, .fz or .gz)");
  if (info.st_size < 2880)
    refuse_frame(path,
                 "the file is cut off: " + std::to_string(info.st_size) + " bytes, expected at least 2880",
                 "copy it again");
  return false;
}

}  // namespace

void refuse_frame(const std::filesystem::path& path, const std::string& wrong, const std::string& remedy) {
  throw InputError("frame " + path.string() + ": " + wrong + "; " + remedy);
}

void throw_frame_errno(const std::filesystem::path& path, int error) {
  const std::string text = file_error_text("reading frame", path, error);
  std::error_code ignored;
  const bool folder_there = std::filesystem::is_directory(
      path.has_parent_path() ? path.parent_path() : std::filesystem::path("."), ignored);
  const bool stays = (error == ENOENT && folder_there) || error == EACCES || error == EISDIR ||
                     error == ELOOP || error == ENAMETOOLONG || error == ENXIO;
  if (stays) throw InputError(text);
  throw TransientError(text);
}

void FrameFile::close_descriptor() {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

FrameFile open_frame(const std::filesystem::path& path) {
  // An absolute name keeps cfitsio from reading meaning into a leading '~', '-' or blank.
  std::error_code failed;
  const std::string name = std::filesystem::absolute(path, failed).string();
  if (failed || name.size() > kLongestName)
    refuse_frame(path, "the path is longer than " + std::to_string(kLongestName) + " characters",
                 "mount the frames under a shorter path");
  FrameFile frame;
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  frame.fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (frame.fd < 0) throw_frame_errno(path, errno);
  frame.gzipped = looks_gzipped(frame.fd, path);
  fitsfile* file = nullptr;
  int status = 0;
  errno = 0;
  const auto open_locked = [&] {
    const auto lock = cfitsio_table_lock();
    return fits_open_diskfile(&file, name.c_str(), READONLY, &status);
  };
  if (open_locked() != 0) {
    const int error = errno;
    const std::string text = cfitsio_error_text(status);
    if (status == TOO_MANY_FILES || error == EMFILE || error == ENFILE || error == EIO || error == ESTALE ||
        error == ENOMEM)
      throw_frame_errno(path, error != 0 ? error : EMFILE);
    refuse_frame(path, "the header cannot be read: " + text, "the file is damaged or no FITS: copy it again");
  }
  frame.file = CfitsioFile(file);
  return frame;
}

}  // namespace tilecompile
