#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// A picture of a camera that a capture program or a converter wrote as TIFF.
struct TiffFrame {
  std::vector<Plane<std::uint16_t>> planes;  ///< one, or red, green and blue; rows as they are stored
  bool bottom_up = false;                    ///< the first row is the lowest
  double exposure_s = 0;                     ///< 0: not stated
  std::string camera;                        ///< maker and model
  std::string date_obs;  ///< of the camera's clock, "2025-01-10T20:00:00"; empty: not stated
};

/// True for names that end in .tif or .tiff, in any case.
bool is_tiff(const std::filesystem::path& path);

/// Reads a TIFF file of one picture with one or three samples a pixel, 16 bits unsigned each, in strips or
/// tiles, of any compression that libtiff undoes. Throws InputError with the file, what is wrong and what
/// would help: other samples, several pictures, damage.
TiffFrame read_tiff_frame(const std::filesystem::path& path);

}  // namespace tilecompile
