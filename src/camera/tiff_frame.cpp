#include "tilecompile/camera/tiff_frame.hpp"

#include <tiffio.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"

namespace tilecompile {
namespace {

constexpr std::uint32_t kMostColours = 3;
constexpr std::uint64_t kMostUnpacked = 1100;  // times the bytes of the file: what deflate can do
constexpr std::uint32_t kLongestSide_px = 1 << 20;

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffFile = std::unique_ptr<TIFF, CloseTiff>;

[[noreturn]] void refuse_tiff(const std::filesystem::path& path, const std::string& wrong,
                              const std::string& remedy) {
  throw InputError("TIFF file " + escaped(path.string()) + ": " + wrong + "; " + remedy);
}

TiffFile open_tiff(const std::filesystem::path& path) {
  // The library would print. Set once, before several threads are in it.
  static const bool quiet = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  static_cast<void>(quiet);
  TiffFile tiff(
      TIFFOpen(path.c_str(), "rm"));  // not mapped: a file that becomes shorter would end the process
  if (!tiff) refuse_tiff(path, "it is no TIFF, or its header is damaged", "copy it again");
  return tiff;
}

struct Shape {
  std::uint32_t width = 0, height = 0, colours = 1;
  bool separate = false;  ///< a plane after the other
};

template <class T>
T number(TIFF* tiff, std::uint32_t tag, T otherwise) {
  T value{};
  return TIFFGetFieldDefaulted(tiff, tag, &value) == 1 ? value : otherwise;
}

Shape checked_shape(TIFF* tiff, const std::filesystem::path& path) {
  const char* const kSave = "save every picture as a file of 16 bits without a sign, grey or RGB, or as FITS";
  const auto bits = number<std::uint16_t>(tiff, TIFFTAG_BITSPERSAMPLE, 1),
             samples = number<std::uint16_t>(tiff, TIFFTAG_SAMPLESPERPIXEL, 1),
             format = number<std::uint16_t>(tiff, TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT),
             colours = number<std::uint16_t>(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISBLACK);
  if (bits == 8)
    refuse_tiff(path, "it has 8 bits a sample, so it is a stretched picture or has lost the faint light",
                "give the raw frames, or pictures of 16 bits");
  if (bits != 16 || format != SAMPLEFORMAT_UINT)
    refuse_tiff(path, "it has " + std::to_string(bits) + " bits a sample, or numbers with a sign or a point",
                kSave);
  if (samples != 1 && samples != kMostColours)
    refuse_tiff(path, "it has " + std::to_string(samples) + " samples a pixel", kSave);
  if (samples == 1 ? colours != PHOTOMETRIC_MINISBLACK && colours != PHOTOMETRIC_CFA
                   : colours != PHOTOMETRIC_RGB)
    refuse_tiff(path, "its samples are neither brightness nor red, green and blue", kSave);
  if (TIFFNumberOfDirectories(tiff) > 1) refuse_tiff(path, "it holds several pictures", kSave);
  Shape shape{number<std::uint32_t>(tiff, TIFFTAG_IMAGEWIDTH, 0),
              number<std::uint32_t>(tiff, TIFFTAG_IMAGELENGTH, 0), samples,
              number<std::uint16_t>(tiff, TIFFTAG_PLANARCONFIG, 1) == PLANARCONFIG_SEPARATE};
  const std::uint64_t size = std::uint64_t{shape.width} * shape.height * samples * sizeof(std::uint16_t);
  if (size == 0 || shape.width > kLongestSide_px || shape.height > kLongestSide_px ||
      size / kMostUnpacked > std::filesystem::file_size(path))
    refuse_tiff(path,
                "it says that it has " + std::to_string(shape.width) + " x " + std::to_string(shape.height) +
                    " px, which is not in it",
                "the file is damaged: copy it again");
  return shape;
}

/// Where samples of a strip or a tile go: columns x0 .. x0+w-1 of row y.
void spread(const std::uint16_t* from, const Shape& shape, std::uint32_t plane, std::uint32_t x0,
            std::uint32_t w, std::uint32_t y, std::vector<Plane<std::uint16_t>>& planes) {
  if (shape.separate || shape.colours == 1) {
    std::copy_n(from, w, planes[plane].row(static_cast<int>(y)) + x0);
    return;
  }
  for (std::uint32_t c = 0; c < shape.colours; ++c) {
    std::uint16_t* const to = planes[c].row(static_cast<int>(y)) + x0;
    for (std::uint32_t x = 0; x < w; ++x) to[x] = from[x * shape.colours + c];
  }
}

bool read_rows_of_strips(TIFF* tiff, const Shape& shape, std::vector<Plane<std::uint16_t>>& planes) {
  const std::uint32_t passes = shape.separate ? shape.colours : 1;
  std::vector<std::uint16_t> row(std::max<std::size_t>(
      std::size_t{shape.width} * shape.colours, static_cast<std::size_t>(TIFFScanlineSize(tiff)) / 2 + 1));
  for (std::uint32_t plane = 0; plane < passes; ++plane)
    for (std::uint32_t y = 0; y < shape.height; ++y) {
      if (TIFFReadScanline(tiff, row.data(), y, static_cast<std::uint16_t>(plane)) < 0) return false;
      spread(row.data(), shape, plane, 0, shape.width, y, planes);
    }
  return true;
}

bool read_tiles(TIFF* tiff, const Shape& shape, std::vector<Plane<std::uint16_t>>& planes) {
  const auto columns = number<std::uint32_t>(tiff, TIFFTAG_TILEWIDTH, 0),
             rows = number<std::uint32_t>(tiff, TIFFTAG_TILELENGTH, 0);
  const std::uint32_t passes = shape.separate ? shape.colours : 1, each = shape.separate ? 1 : shape.colours;
  const auto size = static_cast<std::size_t>(TIFFTileSize(tiff));
  if (columns == 0 || rows == 0 || columns > kLongestSide_px || rows > kLongestSide_px ||
      size != std::size_t{columns} * rows * each * sizeof(std::uint16_t) ||
      size > 4 * sizeof(std::uint16_t) * each * (std::size_t{shape.width} + 16) *
                 (std::size_t{shape.height} + 16))
    return false;
  std::vector<std::uint16_t> tile(size / sizeof(std::uint16_t));
  for (std::uint32_t plane = 0; plane < passes; ++plane)
    for (std::uint32_t y0 = 0; y0 < shape.height; y0 += rows)
      for (std::uint32_t x0 = 0; x0 < shape.width; x0 += columns) {
        if (TIFFReadTile(tiff, tile.data(), x0, y0, 0, static_cast<std::uint16_t>(plane)) < 0) return false;
        for (std::uint32_t y = y0; y < std::min(shape.height, y0 + rows); ++y)
          spread(tile.data() + std::size_t{y - y0} * columns * each, shape, plane, x0,
                 std::min(columns, shape.width - x0), y, planes);
      }
  return true;
}

std::string text_of(TIFF* tiff, std::uint32_t tag) {
  const char* text = nullptr;
  return TIFFGetField(tiff, tag, &text) == 1 && text != nullptr ? text : "";
}

// "2025:01:10 20:01:02" as a header has it; empty for anything else.
std::string date_of(const std::string& text) {
  if (text.size() != 19) return "";
  std::string date = text;
  date[4] = date[7] = '-';
  date[10] = 'T';
  for (std::size_t i = 0; i < date.size(); ++i) {
    const bool sign = i == 4 || i == 7 || i == 10 || i == 13 || i == 16;
    if (!sign && std::isdigit(static_cast<unsigned char>(date[i])) == 0) return "";
  }
  return date;
}

// After everything else: it leaves the directory of the picture.
double exposure_of(TIFF* tiff) {
  toff_t offset = 0;
  float seconds = 0;
  if (TIFFGetField(tiff, TIFFTAG_EXIFIFD, &offset) != 1 || TIFFReadEXIFDirectory(tiff, offset) != 1) return 0;
  if (TIFFGetField(tiff, EXIFTAG_EXPOSURETIME, &seconds) != 1) return 0;
  return std::isfinite(seconds) && seconds > 0 ? seconds : 0;
}

}  // namespace

bool is_tiff(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return ending == ".tif" || ending == ".tiff";
}

TiffFrame read_tiff_frame(const std::filesystem::path& path) {
  const TiffFile tiff = open_tiff(path);
  const Shape shape = checked_shape(tiff.get(), path);
  TiffFrame frame;
  const auto orientation = number<std::uint16_t>(tiff.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  frame.bottom_up = orientation == ORIENTATION_BOTLEFT || orientation == ORIENTATION_BOTRIGHT;
  const std::string maker = text_of(tiff.get(), TIFFTAG_MAKE), model = text_of(tiff.get(), TIFFTAG_MODEL);
  frame.camera = maker + (maker.empty() || model.empty() ? "" : " ") + model;
  frame.date_obs = date_of(text_of(tiff.get(), TIFFTAG_DATETIME));
  frame.planes.assign(shape.colours,
                      Plane<std::uint16_t>(static_cast<int>(shape.width), static_cast<int>(shape.height)));
  const bool whole = TIFFIsTiled(tiff.get()) != 0 ? read_tiles(tiff.get(), shape, frame.planes)
                                                  : read_rows_of_strips(tiff.get(), shape, frame.planes);
  if (!whole)
    refuse_tiff(path, "its samples cannot be read", "the file is damaged or cut off: copy it again");
  frame.exposure_s = exposure_of(tiff.get());
  return frame;
}

}  // namespace tilecompile
