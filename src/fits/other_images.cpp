#include <algorithm>

#include "frame_layout.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kMostImages = 20;  // named

// Where the current HDU ends; -1 when the library does not know.
LONGLONG end_of_hdu(fitsfile* file) {
  int status = 0;
  LONGLONG header = 0, data = 0, end = 0;
  return fits_get_hduaddrll(file, &header, &data, &end, &status) == 0 ? end : -1;
}

bool holds_image(fitsfile* file, int type) {
  int status = 0, naxis = 0;
  const bool compressed = fits_is_compressed_image(file, &status) != 0;
  if (compressed || type == IMAGE_HDU) fits_get_img_dim(file, &naxis, &status);
  return status == 0 && naxis > 0;
}

std::string name_of_hdu(fitsfile* file, int hdu) {
  const std::string name = text_keyword(file, "EXTNAME");
  return "HDU " + std::to_string(hdu) + (name.empty() ? "" : " (" + name + ")");
}

}  // namespace

std::vector<std::string> names_of_images(const OpenedFrame& frame, const std::filesystem::path& path,
                                         const FrameLayout& layout) {
  fitsfile* file = frame.file.get();
  std::vector<std::string> names = {name_of_hdu(file, layout.hdu)};
  fits_write_errmark();
  for (int hdu = layout.hdu + 1; names.size() < kMostImages; ++hdu) {
    const LONGLONG end = end_of_hdu(file);
    if (end < 0 || end >= file->Fptr->filesize) break;
    try {
      guard_header(frame, path, end);
    } catch (const InputError&) {
      break;
    }
    int type = 0, status = 0;
    if (fits_movabs_hdu(file, hdu, &type, &status) != 0) break;
    if (holds_image(file, type)) names.push_back(name_of_hdu(file, hdu));
  }
  fits_clear_errmark();
  int status = 0;
  if (fits_movabs_hdu(file, layout.hdu, nullptr, &status) != 0)
    refuse_frame(path, "HDU " + std::to_string(layout.hdu) + " cannot be read: " + cfitsio_error_text(status),
                 "the file is damaged: copy it again");
  if (names.size() == 1) names.clear();
  return names;
}

}  // namespace tilecompile
