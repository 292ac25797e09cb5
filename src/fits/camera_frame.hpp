#pragma once
#include <filesystem>
#include <string>

namespace tilecompile {

/// A camera's raw file as the bytes of a FITS file: its codes as 16-bit numbers, EXPTIME, ISOSPEED, INSTRUME,
/// DATE-OBS, BAYERPAT, ROWORDER, and BLACKLEV and WHITELEV, the levels of black and white.
std::string camera_frame_as_fits(const std::filesystem::path& path);

/// A TIFF file likewise, one or three planes, with what it states of EXPTIME, INSTRUME, DATE-OBS, and
/// ROWORDER.
std::string tiff_frame_as_fits(const std::filesystem::path& path);

}  // namespace tilecompile
