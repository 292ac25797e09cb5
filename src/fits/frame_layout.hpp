#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cfitsio_file.hpp"
#include "tilecompile/header/frame_facts.hpp"
#include "tilecompile/image/decode_samples.hpp"

namespace tilecompile {

/// Samples of the largest image that is read.
inline constexpr LONGLONG kMostSamples = LONGLONG{1} << 30;

/// Where the samples of a frame lie in its file and how codes become physical values.
struct FrameLayout {
  int hdu = 0;  ///< 1 is the primary
  int bitpix = 0, naxis = 0;
  int width = 0, height = 0, channels = 0;
  bool tile_compressed = false;
  std::int64_t data_start = 0;  ///< byte offset of the samples; meaningless when tile_compressed
  Scaling scaling;
  std::int64_t samples() const { return std::int64_t{1} * width * height * channels; }
};

/// A FITS file unpacked into memory; cfitsio keeps the addresses of the members.
struct UnpackedFile {
  std::string bytes;
  void* data = nullptr;
  std::size_t size = 0;
};

/// An opened frame file: the operating system's descriptor and cfitsio's view of it.
struct OpenedFrame {
  OpenedFrame() = default;
  OpenedFrame(OpenedFrame&& other) noexcept { *this = std::move(other); }
  OpenedFrame& operator=(OpenedFrame&& other) noexcept {
    std::swap(fd, other.fd);
    std::swap(unpacked, other.unpacked);
    std::swap(file, other.file);
    return *this;
  }
  ~OpenedFrame() { close_descriptor(); }
  void close_descriptor();
  /// Copies up to `size` bytes (unpacked) from `offset` on; returns how many there were.
  std::size_t read_at(char* out, std::size_t size, std::int64_t offset) const;

  int fd = -1;
  std::unique_ptr<UnpackedFile> unpacked;  ///< of a gzip file; must outlive `file`
  CfitsioFile file;
};

/// Throws InputError "frame <path>: <wrong>; <remedy>".
[[noreturn]] void refuse_frame(const std::filesystem::path& path, const std::string& wrong,
                               const std::string& remedy);
/// Throws for an errno: TransientError for what may pass (mount, limits, I/O), InputError for what stays.
[[noreturn]] void throw_frame_errno(const std::filesystem::path& path, int error);

/// Throws InputError if the header at `offset` would break the library.
void guard_header(const OpenedFrame& frame, const std::filesystem::path& path, std::int64_t offset);
/// Opens the file and looks at its first bytes before cfitsio does.
OpenedFrame open_frame(const std::filesystem::path& path);
/// Moves to the first HDU that holds an image and checks its sizes against the file.
FrameLayout find_frame_layout(const OpenedFrame& frame, const std::filesystem::path& path);
/// Names of all images of the file, that of `layout` first, when it holds several; else empty. What comes
/// behind the frame's image is not checked, and a damaged HDU ends the list.
std::vector<std::string> names_of_images(const OpenedFrame& frame, const std::filesystem::path& path,
                                         const FrameLayout& layout);
/// Where the coordinates of the current HDU put the image on the sky; nothing without a celestial WCS.
SkyPlace read_sky_place(fitsfile* file, const FrameLayout& layout);
/// Facts of the frame whose HDU is current.
FrameFacts read_frame_facts(fitsfile* file, const FrameLayout& layout);
/// Fills what `facts` does not know yet from the cards of the current HDU: times, exposure, kind, settings
/// and coordinates.
void read_header_words(fitsfile* file, const FrameLayout& layout, FrameFacts& facts);
/// True for a HISTORY line that tells of a non-linear stretch of the pixels.
bool tells_of_stretch(const std::string& history_line);

}  // namespace tilecompile
