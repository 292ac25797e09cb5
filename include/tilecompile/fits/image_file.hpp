#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// One header card of a product. A number that is not finite cannot stand in a FITS header: the card is left
/// out.
struct HeaderCard {
  std::string key;
  std::variant<std::string, double, std::int64_t, bool> value;
  std::string comment;
};

/// Headers and data of a FITS file are filled up to multiples of it.
inline constexpr std::size_t kFitsBlock = 2880;

/// Maps beside a product `X.fits`: `X.coverage.fits` and so on.
inline constexpr std::array<const char*, 4> kMapNames = {"coverage", "weight", "variance", "neff"};

/// Header of a product besides its layout: records kept from the first frame (malformed ones are dropped),
/// own cards (they win over a kept record of the same key), HISTORY lines (wrapped where long).
struct ProductHeader {
  std::vector<std::string> kept_records;
  std::vector<HeaderCard> cards;
  std::vector<std::string> history;
};

/// Writes `image` as float32 into the primary HDU (NAXIS 2 for one plane, 3 for more), NaN = nothing
/// observed, with CHECKSUM and DATASUM and no clock; the file appears whole or not at all (temporary name,
/// sync, rename). Throws TransientError with the path when the file system refuses.
void write_image(const std::filesystem::path& path, const Image& image, const ProductHeader& header);
/// The same for integer maps (coverage), written as 32-bit integers.
void write_image(const std::filesystem::path& path, const std::vector<Plane<std::int32_t>>& image,
                 const ProductHeader& header);
/// The same for 16-bit unsigned data (BITPIX 16, BZERO 32768): raw frames, simulated frames.
void write_image(const std::filesystem::path& path, const std::vector<Plane<std::uint16_t>>& image,
                 const ProductHeader& header);
/// The bytes that write_image would write; `what` names the picture in messages.
std::string encode_image(const std::string& what, const Image& image, const ProductHeader& header);
/// How the pixels of an image are stored.
enum class ImageSamples { kFloat32, kInt32 };
/// The header that write_image gives an image of these axes (NAXIS1 first), whose data have this FITS
/// checksum: a whole number of blocks of kFitsBlock bytes, the same number for every sum.
std::string image_header(const std::string& what, ImageSamples samples, const std::vector<long>& axes,
                         const ProductHeader& header, std::uint32_t data_sum);
/// Inverse of encode_image for one plane, whose bytes a checksum vouched for. Throws InputError for other
/// bytes.
Plane<float> decode_plane(std::string_view bytes);
/// Reads any image that FrameReader accepts as planes without treating zero as missing.
Image read_image(const std::filesystem::path& path);

/// SHA-256 over the pixel data as a FITS data unit holds it: plane after plane, row after row, big-endian
/// float32, every NaN as 0x7fc00000.
std::string pixel_digest(const Image& image);
std::string pixel_digest(const std::vector<Plane<std::int32_t>>& image);

}  // namespace tilecompile
