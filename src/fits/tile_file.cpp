#include "tilecompile/fits/tile_file.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "checksum.hpp"
#include "fits_writer.hpp"
#include "header_guard.hpp"
#include "tile_reader.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/image/encode_samples.hpp"

namespace tilecompile {
namespace {

constexpr double kCanonicalDoubleNan = std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
constexpr std::int32_t kMostFrames = 1 << 24;  // float32 holds every whole number up to it
constexpr std::size_t kMostPlanesWithCards = 99;
using Table = std::vector<std::vector<double>>;
constexpr std::array<Table TileFile::*, 4> kTables{&TileFile::quality, &TileFile::frame_weight,
                                                   &TileFile::rejected_low, &TileFile::rejected_high};

/// A map of a tile file: the name its cards begin with, and what they say.
struct MapCard {
  const char *key, *comment;
};
// In the order of the file; the last two only with rejected light.
constexpr std::array<MapCard, 6> kMaps{{{"COV", "frames at every pixel"},
                                        {"WGT", "sum of weights at every pixel"},
                                        {"VAR", "variance of every pixel"},
                                        {"NEFF", "effective frames at every pixel"},
                                        {"LLOW", "light rejected below, every pixel"},
                                        {"LHIGH", "light rejected above, every pixel"}}};

std::string map_key(const MapCard& map, std::size_t plane) { return map.key + std::to_string(plane + 1); }

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
  for (const Image* map : {&tile.weight, &tile.variance, &tile.effective_frames})
    check_planes(*map, tile, "a map");
  for (const Image* light : {&tile.light_low, &tile.light_high})
    if (!tile.light_low.empty() || !tile.light_high.empty()) check_planes(*light, tile, "rejected light");
  for (const auto table : kTables) {
    bool fits = (tile.*table).size() == tile.pixels.size();
    for (const auto& row : tile.*table) fits = fits && row.size() == tile.quality.front().size();
    if (!fits) throw ContractError(name + ": quality, weights and rejections are not [channel][frame]");
  }
}

std::vector<long> image_axes(const TileFile& tile) {
  std::vector<long> axes = {tile.box.w, tile.box.h};
  if (tile.pixels.size() > 1) axes.push_back(static_cast<long>(tile.pixels.size()));
  return axes;
}

Image coverage_image(const TileFile& tile) {
  Image image;
  for (const Plane<std::int32_t>& plane : tile.coverage) {
    std::int32_t most = 0;
    for (const std::int32_t frames : plane.samples()) most = std::max(most, frames);
    if (most > kMostFrames) throw ContractError("a tile with more than 2^24 frames");
    Plane<float>& copy = image.emplace_back(plane.width(), plane.height());
    std::transform(plane.samples().begin(), plane.samples().end(), copy.samples().begin(),
                   [](std::int32_t frames) { return static_cast<float>(frames); });
  }
  return image;
}

// Whether all samples have the same bits, of a number.
bool is_uniform(const Plane<float>& plane) {
  const auto bits = [](float v) { return std::bit_cast<std::uint32_t>(v); };
  const auto& samples = plane.samples();
  return std::isfinite(samples.front()) && std::all_of(samples.begin(), samples.end(), [&](float v) {
           return bits(v) == bits(samples.front());
         });
}

// Nine digits give every float32 back.
std::string map_card(const MapCard& map, std::size_t plane, float value) {
  char text[81];
  std::snprintf(text, sizeof text, "%-8s= %20.9G / %s", map_key(map, plane).c_str(),
                static_cast<double>(value), map.comment);
  return text;
}

using PlaneList = std::vector<const Plane<float>*>;

/// The maps of a tile: cards for those planes that are one value, and the other planes.
struct TileMaps {
  std::vector<std::string> cards;
  PlaneList planes;
};

TileMaps maps_of(const TileFile& tile, const Image& coverage) {
  TileMaps maps;
  const std::array<const Image*, kMaps.size()> images{
      &coverage, &tile.weight, &tile.variance, &tile.effective_frames, &tile.light_low, &tile.light_high};
  for (std::size_t m = 0; m < images.size(); ++m)
    for (std::size_t p = 0; p < images[m]->size(); ++p) {
      const Plane<float>& plane = (*images[m])[p];
      if (p < kMostPlanesWithCards && is_uniform(plane))
        maps.cards.push_back(map_card(kMaps[m], p, plane.samples().front()));
      else
        maps.planes.push_back(&plane);
    }
  return maps;
}

std::size_t whole_blocks(std::size_t bytes) { return (bytes + kFitsBlock - 1) / kFitsBlock * kFitsBlock; }

std::vector<long> ones(const std::vector<long>& axes) { return std::vector<long>(axes.size(), 1); }

// Appends an image: `encode` writes its data and returns their sum, which the header before them needs.
template <class Encode>
void append_image(FitsWriter& writer, const std::vector<long>& axes, std::size_t data_bytes,
                  const Encode& encode, std::string& file) {
  const std::size_t header = file.size(), data = header + writer.header_size();
  file.resize(data + whole_blocks(data_bytes));
  const std::uint32_t sum = encode(reinterpret_cast<unsigned char*>(&file[data]));
  const std::string cards = writer.header_alone(axes, sum);
  if (cards.size() != data - header) throw ContractError("a tile's header has another size than was said");
  cards.copy(&file[header], cards.size());
}

void append_planes(FitsWriter& writer, const std::vector<long>& axes, const PlaneList& planes,
                   std::string& file) {
  const std::size_t samples = planes.front()->size();
  append_image(
      writer, axes, planes.size() * samples * sizeof(float),
      [&](unsigned char* out) {
        std::uint32_t sum = 0;
        for (const Plane<float>* plane : planes) {
          sum = ones_complement(std::uint64_t{sum} + encode_samples(plane->data(), samples, out));
          out += samples * sizeof(float);
        }
        return sum;
      },
      file);
}

void append_doubles(FitsWriter& writer, const std::vector<long>& axes, const std::vector<double>& values,
                    std::string& file) {
  append_image(
      writer, axes, values.size() * sizeof(double),
      [&](unsigned char* out) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          auto bits = std::bit_cast<std::uint64_t>(std::isnan(values[i]) ? kCanonicalDoubleNan : values[i]);
          if constexpr (std::endian::native == std::endian::little) bits = __builtin_bswap64(bits);
          std::memcpy(out + i * sizeof bits, &bits, sizeof bits);
        }
        return sum_of_words(out, 2 * values.size());
      },
      file);
}

void begin_extension(FitsWriter& writer, const std::string& name, int type, const std::vector<long>& axes) {
  writer.begin_image(BYTE_IMG, {});  // what it extends
  writer.begin_image(type, ones(axes), name);
}

void append_maps(const std::string& what, const TileFile& tile, const PlaneList& maps, std::string& file) {
  if (maps.empty()) return;
  FitsWriter writer(kFitsBlock, what);
  const std::vector<long> axes = {tile.box.w, tile.box.h, static_cast<long>(maps.size())};
  begin_extension(writer, "MAPS", FLOAT_IMG, axes);
  append_planes(writer, axes, maps, file);
}

void append_frame_tables(const std::string& what, const TileFile& tile, std::string& file) {
  if (tile.quality.front().empty()) return;
  std::vector<double> values;
  for (const auto table : kTables)
    for (const std::vector<double>& row : tile.*table) values.insert(values.end(), row.begin(), row.end());
  const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  const bool rejects = std::any_of(half, values.end(), [](double n) { return n != 0; });
  if (!rejects) values.erase(half, values.end());
  const std::vector<long> axes = {static_cast<long>(tile.quality.front().size()),
                                  static_cast<long>(tile.quality.size()), rejects ? 4 : 2};
  FitsWriter writer(kFitsBlock, what);
  begin_extension(writer, "FRAMES", DOUBLE_IMG, axes);
  append_doubles(writer, axes, values, file);
}

// The maps as the cards and the HDU of the other planes give them.
std::vector<Image> read_maps(TileReader& reader, const TileFile& tile, bool with_light) {
  const std::size_t planes = tile.pixels.size();
  std::vector<Image> maps(with_light ? kMaps.size() : kMaps.size() - 2, Image(planes));
  std::vector<Plane<float>*> other;
  for (std::size_t m = 0; m < maps.size(); ++m)
    for (std::size_t p = 0; p < planes; ++p) {
      const std::string key = map_key(kMaps[m], p);
      if (p < kMostPlanesWithCards && reader.has(key))
        maps[m][p] = Plane<float>(tile.box.w, tile.box.h, static_cast<float>(reader.number(key)));
      else
        other.push_back(&maps[m][p]);
    }
  if (static_cast<std::size_t>(reader.whole_number("NMAPS")) != other.size())
    refuse_tile_file("NMAPS is not the number of planes without a card");
  if (other.empty()) return maps;
  reader.open_image(2, "MAPS", FLOAT_IMG);
  if (reader.naxis() != 3 || reader.axis(0) != tile.box.w || reader.axis(1) != tile.box.h ||
      reader.axis(2) != static_cast<LONGLONG>(other.size()))
    refuse_tile_file("the shape of MAPS is not that of the pixels");
  Image found = reader.planes();
  for (std::size_t i = 0; i < other.size(); ++i) *other[i] = std::move(found[i]);
  return maps;
}

std::vector<Plane<std::int32_t>> whole_planes(const Image& image) {
  std::vector<Plane<std::int32_t>> planes;
  for (const Plane<float>& plane : image) {
    auto& whole = planes.emplace_back(plane.width(), plane.height());
    int wrong = 0;
    for (std::size_t i = 0; i < plane.size(); ++i) {
      const float v = plane.data()[i], frames = v >= 0 && v <= kMostFrames ? v : 0;
      whole.data()[i] = static_cast<std::int32_t>(frames);
      wrong |= static_cast<float>(whole.data()[i]) == v ? 0 : 1;
    }
    if (wrong != 0) refuse_tile_file("COV is no number of frames");
  }
  return planes;
}

void read_frame_tables(TileReader& reader, int hdu, int frames, TileFile& tile) {
  const std::size_t channels = tile.pixels.size(), n = static_cast<std::size_t>(frames);
  for (const auto table : kTables) (tile.*table).resize(channels);
  if (frames == 0) return;
  reader.open_image(hdu, "FRAMES", DOUBLE_IMG);
  if (reader.naxis() != 3 || reader.axis(0) != frames || reader.axis(1) != static_cast<LONGLONG>(channels) ||
      (reader.axis(2) != 4 && reader.axis(2) != 2))
    refuse_tile_file("FRAMES is not [table][channel][frame]");
  const std::vector<double> values = reader.doubles("FRAMES");
  std::size_t next = 0;
  for (const auto table : kTables)
    for (std::vector<double>& row : tile.*table) {
      row.assign(n, 0);
      if (next < values.size()) std::copy_n(&values[next], n, row.begin());
      next += n;
    }
}

// As a number, so that loops have no branch in them.
int is_finite(float v) {
  constexpr std::uint32_t kInfinity = 0x7f800000;
  return (std::bit_cast<std::uint32_t>(v) & kInfinity) != kInfinity ? 1 : 0;
}

// What no frame covers may be anything; where frames cover, a value that is none would spoil the whole
// picture.
void check_values(const TileFile& tile) {
  for (std::size_t c = 0; c < tile.pixels.size(); ++c) {
    const std::int32_t* coverage = tile.coverage[c].data();
    const float *pixels = tile.pixels[c].data(), *weights = tile.weight[c].data();
    int pixel = 0, weight = 0, light = 0;
    for (std::size_t i = 0; i < tile.pixels[c].size(); ++i) {
      pixel |= (coverage[i] > 0 ? 1 : 0) & (is_finite(pixels[i]) ^ 1);
      weight |= (is_finite(weights[i]) ^ 1) | (weights[i] < 0 ? 1 : 0);
    }
    if (pixel != 0) refuse_tile_file("a pixel that frames cover is not finite");
    if (weight != 0) refuse_tile_file("WEIGHT is negative or not finite");
    if (tile.light_low.empty()) continue;
    for (const Image* map : {&tile.light_low, &tile.light_high})
      for (const float v : (*map)[c].samples()) light |= is_finite(v) ^ 1;
    if (light != 0) refuse_tile_file("rejected light is not finite");
  }
}

}  // namespace

std::string encode_tile_file(const TileFile& tile) {
  check_tile(tile);
  const Image coverage = coverage_image(tile);
  const TileMaps maps = maps_of(tile, coverage);
  const std::size_t frames = tile.quality.front().size();
  const std::string what = "tile " + std::to_string(tile.tile_id);
  FitsWriter writer(kFitsBlock, what);
  const std::vector<long> axes = image_axes(tile);
  writer.begin_image(FLOAT_IMG, ones(axes));
  writer.card({"TILEID", std::int64_t{tile.tile_id}, "number of the tile"});
  writer.card({"TILEX0", std::int64_t{tile.box.x0}, "first column in the image, from 0"});
  writer.card({"TILEY0", std::int64_t{tile.box.y0}, "first row in the image, from 0"});
  writer.card({"RUNID", tile.run_id, "run"});
  writer.card({"CFGHASH", tile.config_hash, ""});
  writer.card({"FRAMESID", tile.frames_manifest_id, ""});
  // What follows, so that a file that was cut off is seen.
  writer.card({"NMAPS", static_cast<std::int64_t>(maps.planes.size()), "planes in MAPS"});
  writer.card({"NFRAMES", static_cast<std::int64_t>(frames), "frames in FRAMES"});
  if (!tile.light_low.empty()) writer.card({"REJLIGHT", std::int64_t{1}, "there are maps of rejected light"});
  for (const std::string& card : maps.cards) writer.record(card);
  PlaneList pixels;
  for (const Plane<float>& plane : tile.pixels) pixels.push_back(&plane);
  std::string file;
  file.reserve(4 * tile.box.area() * (pixels.size() + maps.planes.size()) +
               8 * kTables.size() * tile.quality.size() * frames + 12 * kFitsBlock);
  append_planes(writer, axes, pixels, file);
  append_maps(what, tile, maps.planes, file);
  append_frame_tables(what, tile, file);
  return file;
}

TileFile decode_tile_file(std::string_view bytes) {
  if (bytes.size() < 2 * kFitsBlock || bytes.size() % kFitsBlock != 0 || bytes.substr(0, 9) != "SIMPLE  =")
    refuse_tile_file(std::to_string(bytes.size()) + " bytes are no whole FITS file");
  // CHECKSUM makes the 32-bit sum of every HDU all ones, so that of the file too: damage is found before any
  // header is believed.
  if (fits_checksum(bytes) != 0xffffffff) refuse_tile_file("the checksum of the file does not hold");
  TileReader reader(bytes);
  TileFile tile;
  reader.open_image(1, "", FLOAT_IMG);
  if (reader.naxis() == 3 && reader.axis(2) < 2) refuse_tile_file("pixels are not [h, w] or [planes, h, w]");
  tile.tile_id = reader.whole_number("TILEID");
  tile.box = {reader.whole_number("TILEX0"), reader.whole_number("TILEY0"), static_cast<int>(reader.axis(0)),
              static_cast<int>(reader.axis(1))};
  tile.run_id = reader.text("RUNID");
  tile.config_hash = reader.text("CFGHASH");
  tile.frames_manifest_id = reader.text("FRAMESID");
  const int frames = reader.whole_number("NFRAMES");
  const int map_planes = reader.whole_number("NMAPS");
  const bool with_light = reader.has("REJLIGHT");
  tile.pixels = reader.planes();
  std::vector<Image> maps = read_maps(reader, tile, with_light);
  tile.coverage = whole_planes(maps[0]);
  tile.weight = std::move(maps[1]);
  tile.variance = std::move(maps[2]);
  tile.effective_frames = std::move(maps[3]);
  if (with_light) {
    tile.light_low = std::move(maps[4]);
    tile.light_high = std::move(maps[5]);
  }
  read_frame_tables(reader, map_planes > 0 ? 3 : 2, frames, tile);
  reader.require_end();
  check_values(tile);
  return tile;
}

}  // namespace tilecompile
