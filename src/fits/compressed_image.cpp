#include "compressed_image.hpp"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "frame_layout.hpp"

namespace tilecompile {
namespace {

/// No tile compression packs more pixels into a byte than PLIO's runs of 4095 in two bytes.
constexpr LONGLONG kMostPixelsPerByte = 4096;
constexpr const char* kDamaged = "the file is damaged: copy it again";

/// Sides of the compression tiles and how many lie along each axis.
struct TileGrid {
  std::array<LONGLONG, 3> axes{1, 1, 1}, side{1, 1, 1}, count{1, 1, 1};
  LONGLONG tiles() const { return count[0] * count[1] * count[2]; }
  /// Pixels of tile `n` (0-based); tiles at the far edges are cut.
  LONGLONG pixels(LONGLONG n) const {
    LONGLONG product = 1;
    for (std::size_t i = 0; i < 3; ++i) {
      const LONGLONG at = n % count[i];
      n /= count[i];
      product *= std::min(side[i], axes[i] - at * side[i]);
    }
    return product;
  }
};

TileGrid read_grid(fitsfile* file, const std::filesystem::path& path, int naxis,
                   const std::array<LONGLONG, 3>& axes) {
  TileGrid grid;
  for (std::size_t i = 0; i < static_cast<std::size_t>(naxis); ++i) {
    double side = i == 0 ? static_cast<double>(axes[0]) : 1;
    const std::string key = "ZTILE" + std::to_string(i + 1);
    const std::string raw = raw_keyword(file, key.c_str());
    if (!raw.empty() && (!parse_header_number(raw, &side) || side < 1 || side > 1e6))
      refuse_frame(path, key + " = " + raw + " is no size of a compression tile", kDamaged);
    grid.axes[i] = axes[i];
    grid.side[i] = static_cast<LONGLONG>(side);
    grid.count[i] = (axes[i] + grid.side[i] - 1) / grid.side[i];
  }
  return grid;
}

/// Bounds what cfitsio will allocate and loop over.
void check_size(fitsfile* file, const std::filesystem::path& path, const TileGrid& grid,
                const std::string& shape) {
  double rows = -1, row_bytes = 0, heap = 0;
  parse_header_number(raw_keyword(file, "NAXIS2"), &rows);
  parse_header_number(raw_keyword(file, "NAXIS1"), &row_bytes);
  parse_header_number(raw_keyword(file, "PCOUNT"), &heap);
  if (rows != static_cast<double>(grid.tiles()))
    refuse_frame(path,
                 "the compressed image has " + std::to_string(static_cast<LONGLONG>(rows)) +
                     " tiles, expected " + std::to_string(grid.tiles()),
                 kDamaged);
  const double bytes = rows * row_bytes + heap;
  const LONGLONG samples = grid.axes[0] * grid.axes[1] * grid.axes[2];
  const LONGLONG tile =
      std::min(std::min(grid.side[0] * grid.side[1], kMostSamples) * grid.side[2], 4 * kMostSamples);
  if (tile > std::max<LONGLONG>(LONGLONG{1} << 20, 4 * samples) ||
      static_cast<double>(samples) > bytes * kMostPixelsPerByte)
    refuse_frame(path,
                 "the header claims " + shape + " pixels in " + std::to_string(static_cast<LONGLONG>(bytes)) +
                     " compressed bytes",
                 kDamaged);
}

/// True when an HCOMPRESS stream states the shape of its tile and sane depths; the decoder believes what it
/// says.
bool sound_hcompress(const std::vector<unsigned char>& b, LONGLONG pixels) {
  constexpr std::size_t kHeader = 25;  // magic 2, nx 4, ny 4, scale 4, sum 8, bit planes 3
  constexpr unsigned char kDeepest = 62;
  if (b.size() < kHeader) return false;
  const auto word = [&](std::size_t at) {
    return LONGLONG{b[at]} << 24 | LONGLONG{b[at + 1]} << 16 | LONGLONG{b[at + 2]} << 8 | LONGLONG{b[at + 3]};
  };
  const LONGLONG nx = word(2), ny = word(6);
  return b[0] == 0xdd && b[1] == 0x99 && nx > 0 && nx <= kMostSamples && ny > 0 && nx * ny == pixels &&
         b[22] <= kDeepest && b[23] <= kDeepest && b[24] <= kDeepest;
}

/// True when a gzip stream ends where it should and is not larger than its tile: cfitsio's loop over a cut
/// stream never ends and takes memory without limit.
bool sound_gzip(const std::vector<unsigned char>& b, LONGLONG pixels) {
  constexpr int kGzipWindow = 15 + 16;
  z_stream z{};
  if (inflateInit2(&z, kGzipWindow) != Z_OK) return false;
  std::array<unsigned char, 16384> out{};
  z.next_in = const_cast<Bytef*>(b.data());
  z.avail_in = static_cast<uInt>(b.size());
  int result = Z_OK;
  while (result == Z_OK && z.total_out <= static_cast<uLong>(pixels) * 8) {
    z.next_out = out.data();
    z.avail_out = static_cast<uInt>(out.size());
    result = inflate(&z, Z_NO_FLUSH);
  }
  const bool sound = result == Z_STREAM_END && z.total_out <= static_cast<uLong>(pixels) * 8;
  inflateEnd(&z);
  return sound;
}

using StreamCheck = bool (*)(const std::vector<unsigned char>&, LONGLONG pixels);

/// Puts every stream of a column to the check. A column that is not there is fine.
void check_streams(fitsfile* file, const std::filesystem::path& path, const TileGrid& grid,
                   std::string column_name, StreamCheck sound) {
  int status = 0, column = 0;
  fits_write_errmark();
  fits_get_colnum(file, CASEINSEN, column_name.data(), &column, &status);
  fits_clear_errmark();
  if (status != 0) return;
  double heap = 0;
  parse_header_number(raw_keyword(file, "PCOUNT"), &heap);
  std::vector<unsigned char> bytes;
  for (LONGLONG n = 0; n < grid.tiles(); ++n) {
    LONGLONG length = 0, offset = 0;
    fits_read_descriptll(file, column, n + 1, &length, &offset, &status);
    if (status == 0 && length == 0) continue;  // stored in another column
    bool good = status == 0 && length > 0 && static_cast<double>(length) <= heap;
    if (good) {
      bytes.resize(static_cast<std::size_t>(length));
      fits_read_col(file, TBYTE, column, n + 1, 1, length, nullptr, bytes.data(), nullptr, &status);
      good = status == 0 && sound(bytes, grid.pixels(n));
    }
    if (good) continue;
    const std::string cause = status != 0 ? ": " + cfitsio_error_text(status) : "";
    refuse_frame(path, "the compressed data of tile " + std::to_string(n + 1) + " are damaged" + cause,
                 kDamaged);
  }
}

}  // namespace

std::string shape_text(int naxis, const std::array<LONGLONG, 3>& axes) {
  std::string text;
  for (int i = 0; i < std::min(naxis, 3); ++i)
    text += (i != 0 ? " x " : "") + std::to_string(axes[static_cast<std::size_t>(i)]);
  return text;
}

void check_compressed_size(fitsfile* file, const std::filesystem::path& path, int naxis,
                           const std::array<LONGLONG, 3>& axes) {
  check_size(file, path, read_grid(file, path, naxis, axes), shape_text(naxis, axes));
}

void check_compressed_data(fitsfile* file, const std::filesystem::path& path, int naxis,
                           const std::array<LONGLONG, 3>& axes) {
  int data_ok = 0, hdu_ok = 0, status = 0;
  fits_verify_chksum(file, &data_ok, &hdu_ok, &status);
  if (status != 0 || data_ok < 0)
    refuse_frame(path, "DATASUM of the compressed image does not hold", kDamaged);
  const TileGrid grid = read_grid(file, path, naxis, axes);
  const std::string method = text_keyword(file, "ZCMPTYPE");
  if (method.find("HCOMPRESS") != std::string::npos)
    check_streams(file, path, grid, "COMPRESSED_DATA", sound_hcompress);
  if (method.find("GZIP") != std::string::npos)
    check_streams(file, path, grid, "COMPRESSED_DATA", sound_gzip);
  // Floats that do not quantise well fall back to gzip, tile by tile, with every method.
  check_streams(file, path, grid, "GZIP_COMPRESSED_DATA", sound_gzip);
}

}  // namespace tilecompile
