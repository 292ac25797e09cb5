#pragma once
#include <filesystem>

#include "tilecompile/report/compare_images.hpp"

namespace tilecompile {

/// Compares the pixels of two FITS images bit by bit. Throws InputError naming a file that cannot be read.
ImageDifference compare_files(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace tilecompile
