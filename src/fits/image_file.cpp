#include "tilecompile/fits/image_file.hpp"

#include <algorithm>
#include <array>

#include "fits_writer.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/image/encode_samples.hpp"

namespace tilecompile {
namespace {

template <class T>
std::vector<long> axes_of(const std::vector<Plane<T>>& image, const std::string& what) {
  if (image.empty() || image.front().empty()) throw ContractError("no pixels to write to " + what);
  for (const Plane<T>& plane : image)
    if (plane.width() != image.front().width() || plane.height() != image.front().height())
      throw ContractError("planes of different shapes for " + what);
  std::vector<long> axes = {image.front().width(), image.front().height()};
  if (image.size() > 1) axes.push_back(static_cast<long>(image.size()));
  return axes;
}

template <class T>
std::string planes_as_fits(const std::string& what, const std::vector<Plane<T>>& image, int type,
                           const ProductHeader& header) {
  const std::vector<long> axes = axes_of(image, what);
  FitsWriter writer(image.size() * image.front().size() * sizeof(T), what);
  writer.begin_image(type, axes);
  write_product_header(&writer, header);
  writer.planes(image);
  writer.end_hdu();
  return writer.take();
}

template <class T>
void write_planes(const std::filesystem::path& path, const std::vector<Plane<T>>& image, int type,
                  const ProductHeader& header) {
  write_file_atomically(path, planes_as_fits(path.string(), image, type, header));
}

template <class T>
std::string digest_of(const std::vector<Plane<T>>& image) {
  constexpr std::size_t kAtOnce = 16384;
  Sha256 hash;
  std::array<unsigned char, kAtOnce * sizeof(T)> words{};
  for (const Plane<T>& plane : image)
    for (std::size_t i = 0; i < plane.size(); i += kAtOnce) {
      const std::size_t n = std::min(kAtOnce, plane.size() - i);
      encode_samples(plane.data() + i, n, words.data());
      hash.update(words.data(), n * sizeof(T));
    }
  return hash.hex();
}

}  // namespace

void write_image(const std::filesystem::path& path, const Image& image, const ProductHeader& header) {
  write_planes(path, image, FLOAT_IMG, header);
}

std::string encode_image(const std::string& what, const Image& image, const ProductHeader& header) {
  return planes_as_fits(what, image, FLOAT_IMG, header);
}

std::string image_header(const std::string& what, ImageSamples samples, const std::vector<long>& axes,
                         const ProductHeader& header, std::uint32_t data_sum) {
  FitsWriter writer(kFitsBlock, what);
  writer.begin_image(samples == ImageSamples::kFloat32 ? FLOAT_IMG : LONG_IMG,
                     std::vector<long>(axes.size(), 1));
  write_product_header(&writer, header);
  return writer.header_alone(axes, data_sum);
}

Plane<float> decode_plane(std::string_view bytes) {
  void* data = const_cast<char*>(bytes.data());  // read only
  std::size_t size = bytes.size();
  fitsfile* file = nullptr;
  int status = 0;
  {
    const auto lock = cfitsio_table_lock();
    fits_open_memfile(&file, "plane", READONLY, &data, &size, 0, nullptr, &status);
  }
  const CfitsioFile owner(file);
  int bitpix = 0, naxis = 0;
  std::array<LONGLONG, 2> axes{};
  if (status == 0) fits_get_img_paramll(file, 2, &bitpix, &naxis, axes.data(), &status);
  const auto most = static_cast<LONGLONG>(bytes.size() / sizeof(float));
  const bool sound = status == 0 && bitpix == FLOAT_IMG && naxis == 2 && axes[0] > 0 && axes[1] > 0 &&
                     axes[0] <= most && axes[1] <= most / axes[0];
  if (!sound)
    throw InputError("an object of the storage is no plane of this program: it was damaged or replaced");
  Plane<float> plane(static_cast<int>(axes[0]), static_cast<int>(axes[1]));
  fits_read_img(file, TFLOAT, 1, axes[0] * axes[1], nullptr, plane.data(), nullptr, &status);
  if (status != 0)
    throw InputError("reading a plane from the storage: " + cfitsio_error_text(status) +
                     "; the object is damaged");
  return plane;
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
