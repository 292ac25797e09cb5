#include "tilecompile/report/compare_images.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace tilecompile {
namespace {

bool same_bits(float a, float b) {
  return (a != a && b != b) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace

ImageDifference compare_images(const Image& a, const Image& b) {
  ImageDifference d;
  d.same_shape =
      a.size() == b.size() &&
      (a.empty() || (a.front().width() == b.front().width() && a.front().height() == b.front().height()));
  d.equal = d.same_shape;
  for (std::size_t c = 0; d.same_shape && c < a.size(); ++c)
    for (int y = 0; y < a[c].height(); ++y)
      for (int x = 0; x < a[c].width(); ++x) {
        const float va = a[c].at(x, y), vb = b[c].at(x, y);
        if (same_bits(va, vb)) continue;
        if (d.equal) {
          d.channel = static_cast<int>(c);
          d.x = x;
          d.y = y;
          d.a = va;
          d.b = vb;
        }
        d.equal = false;
        ++d.pixels;
        const double step = std::abs(static_cast<double>(va) - vb);
        if (std::isfinite(step)) d.largest = std::max(d.largest, step);
      }
  return d;
}

std::string describe_difference(const ImageDifference& d) {
  if (d.equal) return "equal";
  if (!d.same_shape) return "different: the images have other shapes";
  char text[256];
  std::snprintf(text, sizeof text,
                "different: %llu pixels, the first at x=%d y=%d channel=%d: %.9g against %.9g (by %.3g); "
                "largest difference %.3g",
                static_cast<unsigned long long>(d.pixels), d.x, d.y, d.channel, static_cast<double>(d.a),
                static_cast<double>(d.b), static_cast<double>(d.a) - static_cast<double>(d.b), d.largest);
  return text;
}

}  // namespace tilecompile
