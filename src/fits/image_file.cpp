#include "tilecompile/fits/image_file.hpp"

#include <array>
#include <bit>
#include <cmath>

#include "fits_writer.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"

namespace tilecompile {
namespace {

template <class T>
std::vector<long> axes_of(const std::vector<Plane<T>>& image, const std::filesystem::path& path) {
  if (image.empty() || image.front().empty()) throw ContractError("no pixels to write to " + path.string());
  for (const Plane<T>& plane : image)
    if (plane.width() != image.front().width() || plane.height() != image.front().height())
      throw ContractError("planes of different shapes for " + path.string());
  std::vector<long> axes = {image.front().width(), image.front().height()};
  if (image.size() > 1) axes.push_back(static_cast<long>(image.size()));
  return axes;
}

template <class T>
void write_planes(const std::filesystem::path& path, const std::vector<Plane<T>>& image, int type,
                  const ProductHeader& header) {
  const std::vector<long> axes = axes_of(image, path);
  FitsWriter writer(image.size() * image.front().size() * sizeof(T), path.string());
  writer.begin_image(type, axes);
  write_product_header(&writer, header);
  writer.planes(image);
  writer.end_hdu();
  write_file_atomically(path, writer.take());
}

std::uint32_t big_endian(std::uint32_t bits) {
  return std::endian::native == std::endian::little ? __builtin_bswap32(bits) : bits;
}

std::uint32_t data_bits(float value) {
  return std::isnan(value) ? std::uint32_t{0x7fc00000} : std::bit_cast<std::uint32_t>(value);
}
std::uint32_t data_bits(std::int32_t value) { return std::bit_cast<std::uint32_t>(value); }

template <class T>
std::string digest_of(const std::vector<Plane<T>>& image) {
  Sha256 hash;
  std::array<std::uint32_t, 4096> words{};
  for (const Plane<T>& plane : image) {
    const std::vector<T>& samples = plane.samples();
    for (std::size_t i = 0; i < samples.size();) {
      std::size_t n = 0;
      for (; n < words.size() && i < samples.size(); ++n, ++i) words[n] = big_endian(data_bits(samples[i]));
      hash.update(words.data(), n * sizeof words[0]);
    }
  }
  return hash.hex();
}

}  // namespace

void write_image(const std::filesystem::path& path, const Image& image, const ProductHeader& header) {
  write_planes(path, image, FLOAT_IMG, header);
}

void write_image(const std::filesystem::path& path, const std::vector<Plane<std::int32_t>>& image,
                 const ProductHeader& header) {
  write_planes(path, image, LONG_IMG, header);
}

void write_image(const std::filesystem::path& path, const std::vector<Plane<std::uint16_t>>& image,
                 const ProductHeader& header) {
  write_planes(path, image, USHORT_IMG, header);
}

Image read_image(const std::filesystem::path& path) {
  return FrameReader(path, ZeroIsNodata::kNever).read_all();
}

std::string pixel_digest(const Image& image) { return digest_of(image); }
std::string pixel_digest(const std::vector<Plane<std::int32_t>>& image) { return digest_of(image); }

}  // namespace tilecompile
