#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What a camera's raw file holds, as the sensor gave it: no white balance, no gamma, nothing subtracted.
struct CameraRaw {
  Plane<std::uint16_t> codes;  ///< the area that saw light, first row on top
  std::string cfa;             ///< letters of pixels (0, 0), (1, 0), (0, 1), (1, 1); empty: no colour filters
  double black = 0, white = 0;     ///< levels, codes
  double exposure_s = 0, iso = 0;  ///< 0: not stated
  std::string camera;              ///< maker and model
  std::string date_obs;            ///< of the camera's clock, "2025-01-10T20:00:00"; empty: not stated
};

/// True for names that cameras give to raw files (.cr2, .cr3, .nef, .arw, .raf, .orf, .dng and their kin, in
/// any case).
bool is_camera_raw(const std::filesystem::path& path);

/// Reads such a file by LibRaw. Throws InputError with the file, what is wrong and what would help: damaged,
/// no mosaic of a sensor (linear DNG, sRAW), filters that are no 2 x 2 pattern of red, green and blue
/// (X-Trans), or a program that was built without LibRaw.
CameraRaw read_camera_raw(const std::filesystem::path& path);

}  // namespace tilecompile
