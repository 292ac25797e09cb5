#include "encode.hpp"

#include <jpeglib.h>
#include <png.h>
#include <tiffio.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <cstring>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kJpegQuality = 92;

std::vector<unsigned char> in_8_bits(const Drawing& drawing) {
  std::vector<unsigned char> bytes;
  bytes.reserve(drawing.samples.size());
  for (const std::uint16_t v : drawing.samples) bytes.push_back(static_cast<unsigned char>((v + 128) / 257));
  return bytes;
}

// libjpeg ends a program that does not leave its error handler by a jump.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf back;
};
void leave_jpeg(j_common_ptr info) { std::longjmp(reinterpret_cast<JpegErrors*>(info->err)->back, 1); }

// Nothing with a destructor lives here, because of the jump. Returns whether it went well.
bool compress_jpeg(const unsigned char* pixels, int width, int height, int channels, unsigned char** bytes,
                   unsigned long* size) {
  jpeg_compress_struct info;
  JpegErrors errors;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = leave_jpeg;
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = channels;
  info.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kJpegQuality, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPROW>(pixels + static_cast<std::size_t>(info.next_scanline) *
                                                  static_cast<std::size_t>(width * channels));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

/// A file in memory for libtiff.
struct MemoryFile {
  std::string bytes;
  std::size_t at = 0;
};
MemoryFile& file_of(thandle_t handle) { return *static_cast<MemoryFile*>(handle); }

tmsize_t read_some(thandle_t handle, void* to, tmsize_t size) {
  MemoryFile& f = file_of(handle);
  const std::size_t n =
      std::min(static_cast<std::size_t>(size), f.bytes.size() - std::min(f.at, f.bytes.size()));
  std::memcpy(to, f.bytes.data() + f.at, n);
  f.at += n;
  return static_cast<tmsize_t>(n);
}
tmsize_t write_some(thandle_t handle, void* from, tmsize_t size) {
  MemoryFile& f = file_of(handle);
  const auto n = static_cast<std::size_t>(size);
  if (f.bytes.size() < f.at + n) f.bytes.resize(f.at + n);
  std::memcpy(f.bytes.data() + f.at, from, n);
  f.at += n;
  return size;
}
toff_t seek_to(thandle_t handle, toff_t offset, int whence) {
  MemoryFile& f = file_of(handle);
  f.at = whence == SEEK_SET ? offset : (whence == SEEK_CUR ? f.at : f.bytes.size()) + offset;
  return f.at;
}
int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return file_of(handle).bytes.size(); }

bool write_tiff(TIFF* tiff, const Drawing& drawing) {
  const auto width = static_cast<std::uint32_t>(drawing.width),
             height = static_cast<std::uint32_t>(drawing.height);
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 16);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, drawing.channels);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, drawing.channels == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
  TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
  TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, TIFFDefaultStripSize(tiff, 0));
  TIFFSetField(tiff, TIFFTAG_SOFTWARE, "tilecompile");
  const std::size_t row_samples =
      static_cast<std::size_t>(drawing.width) * static_cast<std::size_t>(drawing.channels);
  std::vector<std::uint16_t> row(row_samples);  // the predictor works in place
  for (std::uint32_t y = 0; y < height; ++y) {
    std::copy_n(drawing.samples.begin() + static_cast<std::ptrdiff_t>(y * row_samples), row_samples,
                row.begin());
    if (TIFFWriteScanline(tiff, row.data(), y) < 0) return false;
  }
  return true;
}

}  // namespace

std::string encode_png(const Drawing& drawing) {
  const std::vector<unsigned char> pixels = in_8_bits(drawing);
  png_image picture{};
  picture.version = PNG_IMAGE_VERSION;
  picture.width = static_cast<png_uint_32>(drawing.width);
  picture.height = static_cast<png_uint_32>(drawing.height);
  picture.format = drawing.channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  picture.flags = PNG_IMAGE_FLAG_FAST;  // previews are looked at once; time counts for more than bytes
  std::string bytes;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(picture);
  bytes.resize(size);
  if (png_image_write_to_memory(&picture, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0)
    throw ContractError(std::string("drawing a preview: ") + picture.message);
  bytes.resize(size);
  return bytes;
}

std::string encode_jpeg(const Drawing& drawing) {
  const std::vector<unsigned char> pixels = in_8_bits(drawing);
  unsigned char* compressed = nullptr;
  unsigned long size = 0;
  const bool good =
      compress_jpeg(pixels.data(), drawing.width, drawing.height, drawing.channels, &compressed, &size);
  std::string bytes = good ? std::string(reinterpret_cast<const char*>(compressed), size) : "";
  std::free(compressed);
  if (!good) throw ContractError("drawing a preview: libjpeg refuses the picture; name it .png");
  return bytes;
}

std::string encode_tiff(const Drawing& drawing) {
  MemoryFile file;
  TIFF* tiff = TIFFClientOpen("picture", "w", &file, read_some, write_some, seek_to, close_nothing, size_of,
                              nullptr, nullptr);
  const bool good = tiff != nullptr && write_tiff(tiff, drawing);
  if (tiff != nullptr) TIFFClose(tiff);
  if (!good) throw ContractError("drawing a preview: libtiff refuses the picture; name it .png");
  return std::move(file.bytes);
}

}  // namespace tilecompile
