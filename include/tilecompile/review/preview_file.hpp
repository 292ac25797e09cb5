#pragma once
#include <filesystem>

namespace tilecompile {

/// Which FITS file to draw, and how.
struct PreviewRequest {
  std::filesystem::path file;
  std::filesystem::path picture;  ///< its ending says the kind; empty: the file's name with .png
  int long_side_px = 0;           ///< 0: as large as the image
  bool linked = false;            ///< one stretch for all channels
  bool grid = false;              ///< lines at round pixel numbers
  bool stars = false;             ///< rings around the stars that a run would measure
};

/// Draws any FITS image of one or three planes, and returns the picture's path. Throws InputError when the
/// file is none, UsageError for an ending that is no picture's or when picture and file are one, and what
/// the file system throws.
std::filesystem::path preview_file(const PreviewRequest& request);

}  // namespace tilecompile
