#include "tilecompile/camera/camera_raw.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"

#ifdef TILECOMPILE_LIBRAW
#include <libraw/libraw.h>

#include <memory>
#endif

namespace tilecompile {
namespace {

[[noreturn]] void refuse_raw(const std::filesystem::path& path, const std::string& wrong,
                             const std::string& remedy) {
  throw InputError("camera raw file " + escaped(path.string()) + ": " + wrong + "; " + remedy);
}

#ifdef TILECOMPILE_LIBRAW

void check_raw(const std::filesystem::path& path, int status) {
  if (status == LIBRAW_SUCCESS) return;
  refuse_raw(path, std::string("LibRaw says: ") + libraw_strerror(status),
             "copy it again, or convert it to FITS if this camera is newer than LibRaw " +
                 std::string(LibRaw::version()));
}

std::string clock_time(std::time_t timestamp) {
  std::tm parts{};
  if (timestamp <= 0 || localtime_r(&timestamp, &parts) == nullptr) return "";
  char text[40];
  return std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) > 0 ? text : "";
}

std::string cfa_of(LibRaw& raw, const std::filesystem::path& path) {
  const libraw_iparams_t& about = raw.imgdata.idata;
  if (about.filters == 0) return "";
  std::string letters;
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 2; ++x) letters += about.cdesc[raw.COLOR(y, x)];
  bool repeats = about.filters > 1000;  // below: X-Trans and other codes of larger patterns
  for (int y = 0; y < 8 && repeats; ++y)
    for (int x = 0; x < 2; ++x)
      repeats = repeats && about.cdesc[raw.COLOR(y, x)] == letters[static_cast<std::size_t>(2 * (y % 2) + x)];
  std::string sorted = letters;
  std::sort(sorted.begin(), sorted.end());
  if (!repeats || sorted != "BGGR")
    refuse_raw(path, "its colour filters are no 2 x 2 pattern of red, green and blue (X-Trans?)",
               "debayer it with another program and give frames of three planes");
  return letters;
}

CameraRaw decode(LibRaw& raw, const std::filesystem::path& path) {
  const libraw_image_sizes_t& sizes = raw.imgdata.sizes;
  const ushort* const samples = raw.imgdata.rawdata.raw_image;
  if (samples == nullptr)
    refuse_raw(path, "it holds no mosaic of a sensor (a linear DNG or a reduced raw?)",
               "let the camera write full raw files, or convert it to FITS");
  const std::size_t pitch = sizes.raw_pitch / sizeof(ushort);
  // LibRaw takes the margins from the file as they are.
  if (std::size_t{sizes.left_margin} + sizes.width > pitch ||
      sizes.top_margin + sizes.height > sizes.raw_height)
    refuse_raw(path, "its picture reaches beyond its sensor, so the file is damaged", "copy it again");
  CameraRaw result;
  result.codes = Plane<std::uint16_t>(sizes.width, sizes.height);
  for (int y = 0; y < sizes.height; ++y) {
    const ushort* const row =
        samples + static_cast<std::size_t>(y + sizes.top_margin) * pitch + sizes.left_margin;
    std::copy(row, row + sizes.width, result.codes.row(y));
  }
  result.cfa = cfa_of(raw, path);
  result.black = raw.imgdata.color.black;
  result.white = raw.imgdata.color.maximum;
  result.exposure_s = std::max(0.0F, raw.imgdata.other.shutter);
  result.iso = std::max(0.0F, raw.imgdata.other.iso_speed);
  result.camera = std::string(raw.imgdata.idata.make) + " " + raw.imgdata.idata.model;
  result.date_obs = clock_time(raw.imgdata.other.timestamp);
  return result;
}

#endif

}  // namespace

bool is_camera_raw(const std::filesystem::path& path) {
  static constexpr std::array<const char*, 12> kEndings = {".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf",
                                                           ".orf", ".dng", ".rw2", ".pef", ".srw", ".crw"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

CameraRaw read_camera_raw(const std::filesystem::path& path) {
#ifdef TILECOMPILE_LIBRAW
  const auto raw = std::make_unique<LibRaw>();   // half a megabyte
  raw->set_dataerror_handler(nullptr, nullptr);  // which would print
  check_raw(path, raw->open_file(path.c_str()));
  check_raw(path, raw->unpack());
  return decode(*raw, path);
#else
  refuse_raw(path, "this program was built without LibRaw",
             "install libraw-dev and build it again, or convert the frames to FITS");
#endif
}

}  // namespace tilecompile
