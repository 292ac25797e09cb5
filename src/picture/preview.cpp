#include "tilecompile/picture/preview.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "encode.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"

namespace tilecompile {
namespace {

/// Mean of the valid pixels that fall on each pixel of the smaller picture; NaN where there are none.
Plane<float> scaled_down(const Plane<float>& plane, int width, int height) {
  Plane<float> small(width, height, std::numeric_limits<float>::quiet_NaN());
  for (int y = 0; y < height; ++y) {
    const int y0 = static_cast<int>(std::int64_t{y} * plane.height() / height);
    const int y1 = std::max(y0 + 1, static_cast<int>((std::int64_t{y} + 1) * plane.height() / height));
    for (int x = 0; x < width; ++x) {
      const int x0 = static_cast<int>(std::int64_t{x} * plane.width() / width);
      const int x1 = std::max(x0 + 1, static_cast<int>((std::int64_t{x} + 1) * plane.width() / width));
      double sum = 0;
      int n = 0;
      for (int j = y0; j < y1; ++j)
        for (int i = x0; i < x1; ++i)
          if (const float v = plane.at(i, j); std::isfinite(v)) {
            sum += v;
            ++n;
          }
      if (n > 0) small.at(x, y) = static_cast<float>(sum / n);
    }
  }
  return small;
}

void check_image(const Image& image) {
  if ((image.size() != 1 && image.size() != 3) || image.front().empty())
    throw ContractError("a preview needs 1 or 3 planes with pixels");
  for (const Plane<float>& plane : image)
    if (plane.width() != image.front().width() || plane.height() != image.front().height())
      throw ContractError("a preview needs planes of one shape");
}

using Encoder = std::string (*)(const Drawing&);

Encoder encoder_for(const std::filesystem::path& file) {
  std::string ending = file.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (ending == ".png") return encode_png;
  if (ending == ".jpg" || ending == ".jpeg") return encode_jpeg;
  if (ending == ".tif" || ending == ".tiff") return encode_tiff;
  throw UsageError("the picture '" + file.string() + "' must end in .png, .jpg or .tif");
}

// Nothing when the image is small enough as it is.
Image made_smaller(const Image& image, int long_side_px) {
  const int width = image.front().width(), height = image.front().height(), longest = std::max(width, height);
  Image small;
  if (long_side_px <= 0 || longest <= long_side_px) return small;
  const auto side = [&](int px) {
    return static_cast<int>(std::max<std::int64_t>(1, std::int64_t{px} * long_side_px / longest));
  };
  for (const Plane<float>& plane : image) small.push_back(scaled_down(plane, side(width), side(height)));
  return small;
}

}  // namespace

void write_pictures(const std::vector<std::filesystem::path>& files, const Image& image,
                    const PictureStyle& style, int threads) {
  check_image(image);
  std::vector<Encoder> encoders;
  for (const auto& file : files) encoders.push_back(encoder_for(file));
  const Image smaller = made_smaller(image, style.long_side_px);
  const Image& small = smaller.empty() ? image : smaller;
  Drawing drawing = draw(small, fit_stretches(small, style.linked));
  const double scale = static_cast<double>(small.front().width()) / image.front().width();
  if (style.grid_step_px > 0 || !style.marks.empty()) drawing = in_colour(drawing);
  if (style.grid_step_px > 0) draw_grid(drawing, style.grid_step_px, scale);
  draw_marks(drawing, style.marks, scale);
  parallel_for(static_cast<int>(files.size()), threads, [&](int file) {
    const auto i = static_cast<std::size_t>(file);
    write_file_atomically(files[i], encoders[i](drawing));
  });
}

PreviewPen::PreviewPen(const Image& like) {
  check_image(like);
  stretches_ = fit_stretches(like, false);
}

std::string PreviewPen::png(const Image& image) const {
  check_image(image);
  if (image.size() != stretches_.size())
    throw ContractError("previews under one stretch need the same number of planes");
  return encode_png(draw(image, stretches_));
}

std::vector<std::string> preview_pngs(const std::vector<Image>& images) {
  std::vector<std::string> pictures;
  if (images.empty()) return pictures;
  const PreviewPen pen(images.front());
  for (const Image& image : images) pictures.push_back(pen.png(image));
  return pictures;
}

}  // namespace tilecompile
