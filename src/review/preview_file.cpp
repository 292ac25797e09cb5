#include "tilecompile/review/preview_file.hpp"

#include <algorithm>

#include "tilecompile/base/error.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/picture/preview.hpp"

namespace tilecompile {
namespace {

constexpr int kMostGridLines = 12;
constexpr double kRingFwhm = 2.5;  // radius of a star's ring in units of the FWHM
constexpr double kLeastRingPx = 4;

// 1, 2 or 5 times a power of ten.
int round_step(int pixels) {
  for (int decade = 10;; decade *= 10)
    for (const int n : {1, 2, 5})
      if (pixels / (n * decade) <= kMostGridLines) return n * decade;
}

}  // namespace

std::filesystem::path preview_file(const PreviewRequest& request) {
  std::filesystem::path picture = request.picture;
  if (picture.empty()) picture = std::filesystem::path(request.file).replace_extension(".png");
  std::error_code error;
  if (std::filesystem::equivalent(picture, request.file, error))
    throw UsageError("the picture would overwrite " + request.file.string() + "; name another one with -o");
  const Image image = FrameReader(request.file, ZeroIsNodata::kNever).read_all();
  PictureStyle style{request.long_side_px, request.linked, 0, {}};
  if (request.grid) style.grid_step_px = round_step(std::max(image.front().width(), image.front().height()));
  if (request.stars) {
    const StarCatalogue found = detect_reference_stars(image[image.size() == 3 ? 1 : 0]);
    for (const ReferenceStar& star : found.stars)
      style.marks.push_back({star.x, star.y, std::max(kLeastRingPx, kRingFwhm * found.fwhm_px)});
  }
  write_pictures({picture}, image, style);
  return picture;
}

}  // namespace tilecompile
