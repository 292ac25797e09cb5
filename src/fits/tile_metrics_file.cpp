#include "tilecompile/fits/tile_metrics_file.hpp"

#include <algorithm>

#include "fits_writer.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using Tile = TileMetricsFile::Tile;

void check_shapes(const TileMetricsFile& m, const std::filesystem::path& path) {
  const std::size_t channels = static_cast<std::size_t>(std::max(m.channels, 0));
  const std::size_t cells = channels * m.tiles.size() * static_cast<std::size_t>(std::max(m.frames, 0));
  bool fits = cells > 0 && m.quality.size() == cells && m.weight.size() == cells;
  for (const Tile& t : m.tiles) {
    for (const auto* column :
         {&t.sum_weights, &t.n_eff, &t.tile_background, &t.tile_median, &t.scale, &t.offset})
      fits = fits && column->size() == channels;
    fits = fits && t.fallback_used.size() == channels && t.kind.size() <= 9;
  }
  if (!fits) throw ContractError("shapes of the tile metrics for " + path.string() + " do not agree");
}

void write_cube(FitsWriter* writer, const char* name, const TileMetricsFile& m,
                const std::vector<double>& cells) {
  writer->begin_image(DOUBLE_IMG, {m.frames, static_cast<long>(m.tiles.size()), m.channels}, name);
  writer->pixels(TDOUBLE, 0, static_cast<std::int64_t>(cells.size()), cells.data());
  writer->end_hdu();
}

/// One value a tile.
void write_whole(FitsWriter* writer, int column, const TileMetricsFile& m, int (*value)(const Tile&)) {
  std::vector<int> values;
  for (const Tile& t : m.tiles) values.push_back(value(t));
  writer->column(TINT, column, 1, static_cast<std::int64_t>(values.size()), values.data());
}

/// A vector over the channels a tile.
void write_vector(FitsWriter* writer, int column, const TileMetricsFile& m,
                  std::vector<double> Tile::*member) {
  std::vector<double> values;
  for (const Tile& t : m.tiles) values.insert(values.end(), (t.*member).begin(), (t.*member).end());
  writer->column(TDOUBLE, column, 1, static_cast<std::int64_t>(values.size()), values.data());
}

void write_table(FitsWriter* writer, const TileMetricsFile& m) {
  const std::string d = std::to_string(m.channels) + "D", l = std::to_string(m.channels) + "L";
  writer->begin_table(static_cast<std::int64_t>(m.tiles.size()),
                      {{"tile_id", "1J", ""},
                       {"x0", "1J", "pixel"},
                       {"y0", "1J", "pixel"},
                       {"w", "1J", "pixel"},
                       {"h", "1J", "pixel"},
                       {"kind", "9A", ""},
                       {"sum_weights", d, ""},
                       {"n_eff", d, ""},
                       {"tile_background", d, ""},
                       {"tile_median", d, ""},
                       {"fallback_used", l, ""},
                       {"scale", d, ""},
                       {"offset", d, ""}},
                      "TILES");
  write_whole(writer, 1, m, [](const Tile& t) { return t.tile_id; });
  write_whole(writer, 2, m, [](const Tile& t) { return t.box.x0; });
  write_whole(writer, 3, m, [](const Tile& t) { return t.box.y0; });
  write_whole(writer, 4, m, [](const Tile& t) { return t.box.w; });
  write_whole(writer, 5, m, [](const Tile& t) { return t.box.h; });
  std::vector<const char*> kinds;
  std::vector<char> fallback;
  for (const Tile& t : m.tiles) {
    kinds.push_back(t.kind.c_str());
    for (const bool used : t.fallback_used) fallback.push_back(used ? 1 : 0);
  }
  writer->column(TSTRING, 6, 1, static_cast<std::int64_t>(kinds.size()), kinds.data());
  write_vector(writer, 7, m, &Tile::sum_weights);
  write_vector(writer, 8, m, &Tile::n_eff);
  write_vector(writer, 9, m, &Tile::tile_background);
  write_vector(writer, 10, m, &Tile::tile_median);
  writer->column(TLOGICAL, 11, 1, static_cast<std::int64_t>(fallback.size()), fallback.data());
  write_vector(writer, 12, m, &Tile::scale);
  write_vector(writer, 13, m, &Tile::offset);
  writer->end_hdu();
}

}  // namespace

void write_tile_metrics(const std::filesystem::path& path, const TileMetricsFile& metrics,
                        const ProductHeader& header) {
  check_shapes(metrics, path);
  FitsWriter writer(16 * metrics.quality.size() + metrics.tiles.size() * 256, path.string());
  writer.begin_image(BYTE_IMG, {});
  write_product_header(&writer, header);
  writer.end_hdu();
  write_cube(&writer, "QUALITY", metrics, metrics.quality);
  write_cube(&writer, "WEIGHT", metrics, metrics.weight);
  write_table(&writer, metrics);
  write_file_atomically(path, writer.take());
}

}  // namespace tilecompile
