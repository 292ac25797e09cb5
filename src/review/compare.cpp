#include "tilecompile/review/compare.hpp"

#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {

ImageDifference compare_files(const std::filesystem::path& a, const std::filesystem::path& b) {
  return compare_images(read_image(a), read_image(b));
}

}  // namespace tilecompile
