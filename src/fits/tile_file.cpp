#include "tilecompile/fits/tile_file.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "checksum.hpp"
#include "fits_writer.hpp"
#include "header_guard.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kHdus = 9;  // without rejected light
constexpr double kCanonicalDoubleNan = std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
constexpr const char* kTileRemedy = "; the file is damaged or of another kind: recompute the tile";

[[noreturn]] void refuse(const std::string& what) { throw InputError("tile file: " + what + kTileRemedy); }

template <class T>
void check_planes(const std::vector<Plane<T>>& planes, const TileFile& tile, const char* name) {
  bool fits = planes.size() == tile.pixels.size();
  for (const Plane<T>& p : planes) fits = fits && p.width() == tile.box.w && p.height() == tile.box.h;
  if (!fits)
    throw ContractError("tile " + std::to_string(tile.tile_id) + ": shape of " + name +
                        " is not that of its box");
}

void check_tile(const TileFile& tile) {
  const std::string name = "tile " + std::to_string(tile.tile_id);
  if (tile.pixels.empty()) throw ContractError(name + " has no plane");
  if (tile.box.w < 1 || tile.box.h < 1) throw ContractError(name + " is empty");
  check_planes(tile.pixels, tile, "pixels");
  check_planes(tile.coverage, tile, "coverage");
  check_planes(tile.weight, tile, "weight");
  check_planes(tile.variance, tile, "variance");
  check_planes(tile.effective_frames, tile, "effective frames");
  if (!tile.light_low.empty() || !tile.light_high.empty()) {
    check_planes(tile.light_low, tile, "rejected light");
    check_planes(tile.light_high, tile, "rejected light");
  }
  for (const auto* table : {&tile.quality, &tile.frame_weight, &tile.rejected_low, &tile.rejected_high}) {
    bool fits = table->size() == tile.pixels.size();
    for (const auto& row : *table) fits = fits && row.size() == tile.quality.front().size();
    if (!fits) throw ContractError(name + ": quality, weights and rejections are not [channel][frame]");
  }
}

std::vector<long> image_axes(const TileFile& tile) {
  std::vector<long> axes = {tile.box.w, tile.box.h};
  if (tile.pixels.size() > 1) axes.push_back(static_cast<long>(tile.pixels.size()));
  return axes;
}

void write_frame_table(FitsWriter* writer, const char* name, const std::vector<std::vector<double>>& table) {
  const std::size_t frames = table.front().size();
  std::vector<long> axes;
  if (frames > 0) axes = {static_cast<long>(frames), static_cast<long>(table.size())};
  writer->begin_image(DOUBLE_IMG, axes, name);
  std::vector<double> row(frames);
  for (std::size_t c = 0; c < table.size(); ++c) {
    for (std::size_t f = 0; f < frames; ++f)
      row[f] = std::isnan(table[c][f]) ? kCanonicalDoubleNan : table[c][f];
    writer->pixels(TDOUBLE, static_cast<std::int64_t>(c * frames), static_cast<std::int64_t>(frames),
                   row.data());
  }
  writer->end_hdu();
}

/// Reads the HDUs of one tile file in memory.
class TileReader {
 public:
  explicit TileReader(std::string_view bytes) : bytes_(bytes), pointer_(const_cast<char*>(bytes.data())) {
    size_ = bytes.size();
    guard(0);
    fitsfile* file = nullptr;
    {
      const auto lock = cfitsio_table_lock();
      fits_open_memfile(&file, "tile", READONLY, &pointer_, &size_, 0, nullptr, &status_);
    }
    file_ = CfitsioFile(file);
    check("the primary header");
  }

  /// Moves to an image HDU of the given name, type and axes (NAXIS1 first).
  void open_image(int hdu, const std::string& name, int bitpix) {
    int type = 0, found_bitpix = 0, naxis = 0;
    fits_movabs_hdu(file_.get(), hdu, &type, &status_);
    check(name);
    LONGLONG header = 0, data = 0, end = 0;
    fits_get_hduaddrll(file_.get(), &header, &data, &end, &status_);
    end_ = end;
    if (hdu < kHdus || more()) guard(end);
    if (type != IMAGE_HDU || (hdu > 1 && text_keyword(file_.get(), "EXTNAME") != name))
      refuse("HDU " + std::to_string(hdu) + " is not the image " + name);
    axes_ = {};
    fits_get_img_paramll(file_.get(), 3, &found_bitpix, &naxis, axes_.data(), &status_);
    check(name);
    if (header < 0 || data < header || end < data || end > static_cast<LONGLONG>(bytes_.size()))
      refuse(name + " goes on behind the end");
    naxis_ = naxis;
    check_sums(name, bytes_.substr(static_cast<std::size_t>(header), static_cast<std::size_t>(data - header)),
               bytes_.substr(static_cast<std::size_t>(data), static_cast<std::size_t>(end - data)));
    if (found_bitpix != bitpix) refuse("BITPIX of " + name + " is " + std::to_string(found_bitpix));
    if (naxis > 3) refuse(name + " has " + std::to_string(naxis) + " axes");
    LONGLONG samples = naxis == 0 ? 0 : 1;
    const LONGLONG most = static_cast<LONGLONG>(bytes_.size()) / (std::abs(bitpix) / 8);
    for (int i = 0; i < naxis; ++i) {
      const LONGLONG axis = axes_[static_cast<std::size_t>(i)];
      if (axis < 1 || axis > most || samples > most / axis)
        refuse("axes of " + name + " do not fit the file");
      samples *= axis;
    }
    // A scaled picture is none of ours.
    for (const char* key : {"BSCALE", "BZERO", "BLANK"})
      if (!raw_keyword(file_.get(), key).empty()) refuse(name + " has " + key);
  }
  /// Bytes follow the HDU that was opened last.
  bool more() const { return end_ < static_cast<LONGLONG>(bytes_.size()); }
  void require_end() const {
    if (end_ != static_cast<LONGLONG>(bytes_.size()))
      refuse("its last HDU ends at byte " + std::to_string(end_) + " of " + std::to_string(bytes_.size()));
  }
  int naxis() const { return naxis_; }
  LONGLONG axis(int i) const { return axes_[static_cast<std::size_t>(i)]; }
  fitsfile* file() const { return file_.get(); }

  template <class T>
  std::vector<Plane<T>> planes(int datatype, const std::string& name) {
    const int channels = naxis_ == 3 ? static_cast<int>(axis(2)) : 1;
    std::vector<Plane<T>> image;
    for (int c = 0; c < channels; ++c) {
      image.emplace_back(static_cast<int>(axis(0)), static_cast<int>(axis(1)));
      Plane<T>& plane = image.back();
      const LONGLONG size = static_cast<LONGLONG>(plane.size());
      fits_read_img(file_.get(), datatype, c * size + 1, size, nullptr, plane.data(), nullptr, &status_);
      check(name);
    }
    return image;
  }
  std::vector<std::vector<double>> frame_table(std::size_t channels, const std::string& name) {
    if (naxis_ == 0) return std::vector<std::vector<double>>(channels);
    if (naxis_ != 2 || axis(1) != static_cast<LONGLONG>(channels)) refuse(name + " is not [channel][frame]");
    std::vector<std::vector<double>> table(channels, std::vector<double>(static_cast<std::size_t>(axis(0))));
    for (std::size_t c = 0; c < channels; ++c) {
      fits_read_img(file_.get(), TDOUBLE, static_cast<LONGLONG>(c) * axis(0) + 1, axis(0), nullptr,
                    table[c].data(), nullptr, &status_);
      check(name);
    }
    return table;
  }
  int whole_number(const char* key) {
    double value = 0;
    if (!parse_header_number(raw_keyword(file_.get(), key), &value) || value != std::floor(value) ||
        value < 0 || value > 2147483647)
      refuse(std::string("card ") + key + " is missing or no whole number");
    return static_cast<int>(value);
  }

 private:
  void guard(LONGLONG offset) {
    const auto copy = [this](char* out, std::size_t size, std::int64_t at) {
      return at < 0 || static_cast<std::size_t>(at) >= bytes_.size()
                 ? 0
                 : bytes_.copy(out, size, static_cast<std::size_t>(at));
    };
    const std::string wrong = unsafe_header(copy, offset);
    if (!wrong.empty()) refuse(wrong);
  }
  // DATASUM and CHECKSUM of the HDU that was opened last.
  void check_sums(const std::string& name, std::string_view header, std::string_view data) {
    const std::uint32_t sum = fits_checksum(data);
    const std::string said = text_keyword(file_.get(), "DATASUM");
    if (raw_keyword(file_.get(), "CHECKSUM").empty() || said.empty() ||
        std::strtoull(said.c_str(), nullptr, 10) != sum || fits_checksum(header, sum) != 0xffffffff)
      refuse("checksum of " + name + " does not hold");
  }
  void check(const std::string& what) {
    if (status_ != 0) refuse(what + " cannot be read: " + cfitsio_error_text(status_));
  }
  std::string_view bytes_;
  void* pointer_;
  std::size_t size_ = 0;
  CfitsioFile file_;
  int status_ = 0;
  int naxis_ = 0;
  LONGLONG end_ = 0;
  std::array<LONGLONG, 3> axes_{};
};

}  // namespace

namespace {

// What no frame covers may be anything; where frames cover, a value that is none would spoil the whole
// picture.
void check_values(const TileFile& tile) {
  for (std::size_t c = 0; c < tile.pixels.size(); ++c) {
    const auto& coverage = tile.coverage[c].samples();
    const auto &pixels = tile.pixels[c].samples(), &weights = tile.weight[c].samples();
    for (std::size_t i = 0; i < coverage.size(); ++i) {
      if (coverage[i] < 0) refuse("COVERAGE is negative");
      if (coverage[i] > 0 && !std::isfinite(pixels[i])) refuse("a pixel that frames cover is not finite");
      if (!std::isfinite(weights[i]) || weights[i] < 0) refuse("WEIGHT is negative or not finite");
    }
    if (tile.light_low.empty()) continue;
    for (const Image* light : {&tile.light_low, &tile.light_high})
      for (const float v : (*light)[c].samples())
        if (!std::isfinite(v)) refuse("rejected light is not finite");
  }
}

}  // namespace

std::string encode_tile_file(const TileFile& tile) {
  check_tile(tile);
  const std::size_t samples = tile.box.area() * tile.pixels.size();
  const std::size_t bytes_a_sample = tile.light_low.empty() ? 20 : 28;
  FitsWriter writer(
      bytes_a_sample * samples + 32 * tile.quality.size() * tile.quality.front().size() + 24 * kFitsBlock,
      "tile " + std::to_string(tile.tile_id));
  writer.begin_image(FLOAT_IMG, image_axes(tile));
  writer.card({"TILEID", std::int64_t{tile.tile_id}, "number of the tile"});
  writer.card({"TILEX0", std::int64_t{tile.box.x0}, "first column in the image, from 0"});
  writer.card({"TILEY0", std::int64_t{tile.box.y0}, "first row in the image, from 0"});
  writer.card({"RUNID", tile.run_id, "run"});
  writer.card({"CFGHASH", tile.config_hash, ""});
  writer.card({"FRAMESID", tile.frames_manifest_id, ""});
  // without it a file cut off before the light would pass for one of a run without rejection
  if (!tile.light_low.empty())
    writer.card({"REJLIGHT", std::int64_t{1}, "rejected light follows at the end"});
  writer.planes(tile.pixels);
  writer.end_hdu();
  writer.begin_image(LONG_IMG, image_axes(tile), "COVERAGE");
  writer.planes(tile.coverage);
  writer.end_hdu();
  const auto image = [&](const char* name, const Image& planes) {
    writer.begin_image(FLOAT_IMG, image_axes(tile), name);
    writer.planes(planes);
    writer.end_hdu();
  };
  image("WEIGHT", tile.weight);
  image("VARIANCE", tile.variance);
  image("NEFF", tile.effective_frames);
  write_frame_table(&writer, "QUALITY", tile.quality);
  write_frame_table(&writer, "FRAMEWGT", tile.frame_weight);
  write_frame_table(&writer, "REJLOW", tile.rejected_low);
  write_frame_table(&writer, "REJHIGH", tile.rejected_high);
  if (!tile.light_low.empty()) {
    image("LIGHTLOW", tile.light_low);
    image("LIGHTHIG", tile.light_high);
  }
  return writer.take();
}

TileFile decode_tile_file(std::string_view bytes) {
  if (bytes.size() < kHdus * kFitsBlock || bytes.size() % kFitsBlock != 0 ||
      bytes.substr(0, 9) != "SIMPLE  =")
    refuse(std::to_string(bytes.size()) + " bytes are no whole FITS file");
  // CHECKSUM makes the 32-bit sum of every HDU all ones, so that of the file too: damage is found before any
  // header is believed.
  if (fits_checksum(bytes) != 0xffffffff) refuse("the checksum of the file does not hold");
  TileReader reader(bytes);
  TileFile tile;
  reader.open_image(1, "pixels", FLOAT_IMG);
  if (reader.naxis() < 2 || (reader.naxis() == 3 && reader.axis(2) < 2))
    refuse("pixels are not [h, w] or [planes, h, w]");
  tile.tile_id = reader.whole_number("TILEID");
  tile.box = {reader.whole_number("TILEX0"), reader.whole_number("TILEY0"), static_cast<int>(reader.axis(0)),
              static_cast<int>(reader.axis(1))};
  tile.run_id = text_keyword(reader.file(), "RUNID");
  tile.config_hash = text_keyword(reader.file(), "CFGHASH");
  tile.frames_manifest_id = text_keyword(reader.file(), "FRAMESID");
  const bool with_light = !raw_keyword(reader.file(), "REJLIGHT").empty();
  tile.pixels = reader.planes<float>(TFLOAT, "pixels");
  const auto same_shape = [&](const char* name) {
    const bool same = reader.naxis() == (tile.pixels.size() > 1 ? 3 : 2) && reader.axis(0) == tile.box.w &&
                      reader.axis(1) == tile.box.h &&
                      (reader.naxis() == 2 || reader.axis(2) == static_cast<LONGLONG>(tile.pixels.size()));
    if (!same) refuse(std::string("the shape of ") + name + " is not that of the pixels");
  };
  reader.open_image(2, "COVERAGE", LONG_IMG);
  same_shape("COVERAGE");
  tile.coverage = reader.planes<std::int32_t>(TINT, "COVERAGE");
  int hdu = 2;
  for (const auto& [name, planes] : {std::pair{"WEIGHT", &tile.weight}, std::pair{"VARIANCE", &tile.variance},
                                     std::pair{"NEFF", &tile.effective_frames}}) {
    reader.open_image(++hdu, name, FLOAT_IMG);
    same_shape(name);
    *planes = reader.planes<float>(TFLOAT, name);
  }
  for (const auto& [name, table] :
       {std::pair{"QUALITY", &tile.quality}, std::pair{"FRAMEWGT", &tile.frame_weight},
        std::pair{"REJLOW", &tile.rejected_low}, std::pair{"REJHIGH", &tile.rejected_high}}) {
    reader.open_image(++hdu, name, DOUBLE_IMG);
    *table = reader.frame_table(tile.pixels.size(), name);
    if (table->front().size() != tile.quality.front().size())
      refuse(std::string("QUALITY and ") + name + " are of different numbers of frames");
  }
  if (with_light) {
    for (const auto& [name, planes] :
         {std::pair{"LIGHTLOW", &tile.light_low}, std::pair{"LIGHTHIG", &tile.light_high}}) {
      reader.open_image(++hdu, name, FLOAT_IMG);
      same_shape(name);
      *planes = reader.planes<float>(TFLOAT, name);
    }
  }
  reader.require_end();
  check_values(tile);
  return tile;
}

}  // namespace tilecompile
