#include "frame_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "compressed_image.hpp"

namespace tilecompile {
namespace {

constexpr LONGLONG kLargestAxis = 65535;

bool is_true(fitsfile* file, const char* key) { return raw_keyword(file, key) == "T"; }

/// Moves to the next HDU that claims an image; 0 when there is none.
int find_image(const OpenedFrame& frame, const std::filesystem::path& path, bool* compressed) {
  fitsfile* file = frame.file.get();
  for (int hdu = 1;; ++hdu) {
    int type = 0, status = 0;
    if (fits_movabs_hdu(file, hdu, &type, &status) != 0) {
      const std::string text = cfitsio_error_text(status);
      if (status == END_OF_FILE) return 0;
      refuse_frame(path, "HDU " + std::to_string(hdu) + " cannot be read: " + text,
                   "the file is damaged: copy it again");
    }
    if (hdu == 1 && !is_true(file, "SIMPLE"))
      refuse_frame(path, "SIMPLE is not T: not a standard FITS file", "convert it to FITS");
    if (hdu == 1 && is_true(file, "GROUPS"))
      refuse_frame(path, "it holds random groups, not an image", "give frames of NAXIS 2 or 3");
    *compressed = fits_is_compressed_image(file, &status) != 0;
    int naxis = 0;
    if (*compressed || type == IMAGE_HDU) fits_get_img_dim(file, &naxis, &status);
    if (status != 0)
      refuse_frame(path, "HDU " + std::to_string(hdu) + ": " + cfitsio_error_text(status),
                   "the file is damaged: copy it again");
    if (naxis > 0) return hdu;
    LONGLONG header = 0, data = 0, end = 0;
    fits_get_hduaddrll(file, &header, &data, &end, &status);
    guard_header(frame, path, end);
  }
}

constexpr int kMostAxes = 9;
using Axes = std::array<LONGLONG, kMostAxes>;

/// Axes without those behind the third that have one element.
int telling_axes(int naxis, const Axes& axes) {
  while (naxis > 3 && naxis <= kMostAxes && axes[static_cast<std::size_t>(naxis) - 1] == 1) --naxis;
  return naxis;
}

void check_axes(const std::filesystem::path& path, int naxis, const Axes& axes) {
  if (naxis != 2 && naxis != 3)
    refuse_frame(path, "the image has " + std::to_string(naxis) + " axes, expected 2, or 3 for colour",
                 "give mono or RGB frames");
  for (int i = 0; i < naxis; ++i) {
    const LONGLONG axis = axes[static_cast<std::size_t>(i)];
    const std::string key = "NAXIS" + std::to_string(i + 1);
    if (axis < 1)
      refuse_frame(path, key + " = " + std::to_string(axis) + ": the image is empty", "remove this frame");
    if (axis > kLargestAxis)
      refuse_frame(path,
                   key + " = " + std::to_string(axis) + ", expected at most " + std::to_string(kLargestAxis),
                   "the header is damaged, or crop the frame");
  }
  if (naxis == 3 && axes[2] != 1 && axes[2] != 3)
    refuse_frame(path, "NAXIS3 = " + std::to_string(axes[2]) + ", expected 1 (mono) or 3 (colour)",
                 "give mono or RGB frames, not cubes");
  // Axes are at most 65535 and depth 3: no overflow.
  const LONGLONG samples = axes[0] * axes[1] * (naxis == 3 ? axes[2] : 1);
  if (samples > kMostSamples)
    refuse_frame(path,
                 shape_text(naxis, {axes[0], axes[1], axes[2]}) + " is more than " +
                     std::to_string(kMostSamples) + " samples",
                 "the header is damaged, or crop the frame");
}

void check_data_size(fitsfile* file, const std::filesystem::path& path, LONGLONG data_start,
                     LONGLONG data_bytes) {
  const LONGLONG file_bytes = file->Fptr->filesize;  // of gzip: after decompression
  if (data_start < 0 || data_bytes > file_bytes || data_start > file_bytes - data_bytes)
    refuse_frame(path,
                 "the file is cut off: the header asks for " + std::to_string(data_bytes) +
                     " bytes of data from byte " + std::to_string(data_start) + ", the file has " +
                     std::to_string(file_bytes),
                 "copy it again");
}

Scaling read_scaling(fitsfile* file, const std::filesystem::path& path, const FrameLayout& layout) {
  Scaling scaling;
  // fpack applies BSCALE and BZERO before it compresses floats and leaves the keywords standing.
  if (layout.tile_compressed && layout.bitpix < 0) return scaling;
  const auto number = [&](const char* key, double* value) {
    const std::string raw = raw_keyword(file, key);
    if (raw.empty()) return;
    if (!parse_header_number(raw, value) || !std::isfinite(*value))
      refuse_frame(path, std::string(key) + " = " + raw + " is not a number", "correct the header");
  };
  number("BSCALE", &scaling.bscale);
  number("BZERO", &scaling.bzero);
  if (scaling.bscale == 0) refuse_frame(path, "BSCALE = 0 makes all pixels equal", "correct the header");
  double blank = 0;
  // BLANK has a meaning for integers only; one that is no number is ignored, as other readers do.
  if (layout.bitpix > 0 && parse_header_number(raw_keyword(file, "BLANK"), &blank) &&
      std::abs(blank) < 9.2e18) {
    scaling.has_blank = true;
    scaling.blank = static_cast<std::int64_t>(blank);
  }
  return scaling;
}

}  // namespace

FrameLayout find_frame_layout(const OpenedFrame& frame, const std::filesystem::path& path) {
  fitsfile* file = frame.file.get();
  FrameLayout layout;
  layout.hdu = find_image(frame, path, &layout.tile_compressed);
  if (layout.hdu == 0) refuse_frame(path, "no HDU holds an image", "give FITS frames, not tables");
  int status = 0, naxis = 0;
  Axes axes{};
  fits_get_img_paramll(file, kMostAxes, &layout.bitpix, &naxis, axes.data(), &status);
  if (status != 0) refuse_frame(path, cfitsio_error_text(status), "the file is damaged: copy it again");
  naxis = telling_axes(naxis, axes);
  check_axes(path, naxis, axes);
  layout.naxis = naxis;
  layout.width = static_cast<int>(axes[0]);
  layout.height = static_cast<int>(axes[1]);
  layout.channels = naxis == 3 ? static_cast<int>(axes[2]) : 1;
  LONGLONG header_start = 0, data_start = 0, data_end = 0;
  fits_get_hduaddrll(file, &header_start, &data_start, &data_end, &status);
  if (status != 0) refuse_frame(path, cfitsio_error_text(status), "the file is damaged: copy it again");
  layout.data_start = data_start;
  if (layout.tile_compressed) {
    // The closing padding may be missing; the table itself may not.
    check_data_size(file, path, data_start, std::max<LONGLONG>(0, data_end - data_start - 2879));
    check_compressed_size(file, path, naxis, {axes[0], axes[1], axes[2]});
  } else {
    check_data_size(file, path, data_start, layout.samples() * (std::abs(layout.bitpix) / 8));
  }
  layout.scaling = read_scaling(file, path, layout);
  return layout;
}

}  // namespace tilecompile
