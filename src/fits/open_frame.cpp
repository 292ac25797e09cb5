#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "camera_frame.hpp"
#include "frame_layout.hpp"
#include "gunzip.hpp"
#include "header_guard.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/camera/camera_raw.hpp"
#include "tilecompile/camera/tiff_frame.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

/// cfitsio copies names into buffers of this size.
constexpr std::size_t kLongestName = FLEN_FILENAME - 1;
/// Size in bytes of a regular file that is not empty.
std::size_t check_regular(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw_frame_errno(path, errno);
  if (!S_ISREG(info.st_mode))
    refuse_frame(path, "it is not a regular file", "remove it from the list of frames");
  if (info.st_size == 0) refuse_frame(path, "the file is empty", "copy it again or remove it");
  return static_cast<std::size_t>(info.st_size);
}

/// Looks at the first bytes; true for gzip. Nothing but FITS and gzip gets through to a parser.
bool looks_gzipped(int fd, std::size_t file_bytes, const std::filesystem::path& path) {
  std::array<unsigned char, 80> head{};
  const ssize_t n = ::pread(fd, head.data(), head.size(), 0);
  if (n < 0) throw_frame_errno(path, errno);
  if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) return true;
  if (std::memcmp(head.data(), "SIMPLE  =", 9) != 0)
    refuse_frame(path, "not a FITS file: it does not begin with 'SIMPLE  ='",
                 "give FITS frames (plain, .fz or .gz)");
  if (file_bytes < 2880)
    refuse_frame(path,
                 "the file is cut off: " + std::to_string(file_bytes) + " bytes, expected at least 2880",
                 "copy it again");
  return false;
}

/// Opens plain files by name and unpacked ones in memory. Returns cfitsio's status.
int open_by_library(const std::string& name, OpenedFrame* frame) {
  fitsfile* file = nullptr;
  int status = 0;
  auto lock = cfitsio_table_lock();
  if (frame->unpacked) {
    UnpackedFile& u = *frame->unpacked;
    u.data = u.bytes.data();
    u.size = u.bytes.size();
    fits_open_memfile(&file, "frame", READONLY, &u.data, &u.size, 0, nullptr, &status);
  } else {
    fits_open_diskfile(&file, name.c_str(), READONLY, &status);
  }
  lock.unlock();
  frame->file = CfitsioFile(file);
  return status;
}

}  // namespace

void refuse_frame(const std::filesystem::path& path, const std::string& wrong, const std::string& remedy) {
  throw InputError("frame " + escaped(path.string()) + ": " + escaped(wrong) + "; " + remedy);
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

void OpenedFrame::close_descriptor() {
  if (fd >= 0) ::close(fd);
  fd = -1;
}

std::size_t OpenedFrame::read_at(char* out, std::size_t size, std::int64_t offset) const {
  if (unpacked) {
    const std::string& bytes = unpacked->bytes;
    if (offset < 0 || static_cast<std::size_t>(offset) >= bytes.size()) return 0;
    return bytes.copy(out, size, static_cast<std::size_t>(offset));
  }
  const ssize_t n = ::pread(fd, out, size, offset);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void guard_header(const OpenedFrame& frame, const std::filesystem::path& path, std::int64_t offset) {
  const std::string wrong = unsafe_header(
      [&](char* out, std::size_t size, std::int64_t at) { return frame.read_at(out, size, at); }, offset);
  if (!wrong.empty()) refuse_frame(path, wrong, "the header is damaged, or the file is no frame");
}

bool names_a_frame(const std::string& name) {
  static constexpr std::array<std::string_view, 9> kEndings = {
      ".fit", ".fits", ".fts", ".fit.fz", ".fits.fz", ".fts.fz", ".fit.gz", ".fits.gz", ".fts.gz"};
  std::string small = name;
  std::transform(small.begin(), small.end(), small.begin(), [](unsigned char c) { return std::tolower(c); });
  return is_camera_raw(small) || is_tiff(small) ||
         std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view e) { return small.ends_with(e); });
}

OpenedFrame open_frame(const std::filesystem::path& path) {
  // An absolute name keeps cfitsio from reading meaning into a leading '~', '-' or blank.
  std::error_code failed;
  const std::string name = std::filesystem::absolute(path, failed).string();
  if (failed || name.size() > kLongestName)
    refuse_frame(path, "the path is longer than " + std::to_string(kLongestName) + " characters",
                 "mount the frames under a shorter path");
  OpenedFrame frame;
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  frame.fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (frame.fd < 0) throw_frame_errno(path, errno);
  const std::size_t file_bytes = check_regular(frame.fd, path);
  if (is_camera_raw(path)) {
    frame.unpacked = std::make_unique<UnpackedFile>();
    frame.unpacked->bytes = camera_frame_as_fits(path);
  } else if (is_tiff(path)) {
    frame.unpacked = std::make_unique<UnpackedFile>();
    frame.unpacked->bytes = tiff_frame_as_fits(path);
  } else if (looks_gzipped(frame.fd, file_bytes, path)) {
    frame.unpacked = std::make_unique<UnpackedFile>();
    frame.unpacked->bytes = gunzip(frame.fd, file_bytes, path);
    if (frame.unpacked->bytes.compare(0, 9, "SIMPLE  =") != 0 || frame.unpacked->bytes.size() < 2880)
      refuse_frame(path, "the gzip file holds no FITS file", "give FITS frames (plain, .fz or .gz)");
  }
  guard_header(frame, path, 0);
  fits_clear_errmsg();  // the library leaves messages of things it forgave
  errno = 0;
  if (const int status = open_by_library(name, &frame)) {
    const int error = errno;
    const std::string text = cfitsio_error_text(status);
    if (status == TOO_MANY_FILES || error == EMFILE || error == ENFILE || error == EIO || error == ESTALE ||
        error == ENOMEM)
      throw_frame_errno(path, error != 0 ? error : EMFILE);
    refuse_frame(path, "the header cannot be read: " + text, "the file is damaged or no FITS: copy it again");
  }
  return frame;
}

}  // namespace tilecompile
