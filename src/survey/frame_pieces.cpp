#include "tilecompile/survey/frame_pieces.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "archived.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/coadd/mean_stack.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/passes/proof_median.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kMostBands = 50;
constexpr std::size_t kMedianBytes = std::size_t{8} << 20;  // of samples at once
constexpr std::size_t kDigitsOfName = 16;
static_assert(RowExtremes::kRows % kLevelCellPx == 0, "levels of a band are those of the image");

// What the piece depends on, beside the item.
std::string origin_of(const TileTask& task) {
  return sha256_hex(task.config_hash + task.frames_manifest_id + task.metrics.checksum);
}

std::string head_of(const TileTask& task, int item) {
  return json{{"schema", 1},
              {"part", piece_name(task.work)},
              {"run_id", task.run_id},
              {"config_hash", task.config_hash},
              {"frames_manifest_id", task.frames_manifest_id},
              {"input_checksum", task.metrics.checksum},
              {of_bands(task.work) ? "band" : "frame_index", item}}
             .dump() +
         "\n";
}

std::string what_of(const TileTask& task, int item) {
  return std::string(piece_name(task.work)) + (of_bands(task.work) ? " of band " : " of frame ") +
         std::to_string(item);
}

// The numbers of the piece, after its head, which must be the one that was asked for.
std::string_view numbers_in(std::string_view object, const TileTask& task, int item) {
  const std::string head = head_of(task, item);
  if (!object.starts_with(head))
    throw InputError(what_of(task, item) + ": the object is another piece, or of another run or frames");
  return object.substr(head.size());
}

void require_shape(bool fits, const TileTask& task, int item) {
  if (!fits) throw InputError(what_of(task, item) + ": the object has another shape than the frames");
}

template <class T>
Plane<T> rows_of(const Plane<T>& plane, const Box& band) {
  Plane<T> rows(band.w, band.h);
  std::copy(plane.row(band.y0), plane.row(band.y0) + rows.size(), rows.data());
  return rows;
}

BandStack stack_band(const TaskTile& item, const PieceSource& source, bool with_mean, bool with_scatter) {
  const Manifest& manifest = source.frames.manifest();
  const Analysis& analysis = source.state.analysis;
  const int chunk = source.method.reconstruction.frame_chunk, w = item.box.w, h = item.box.h;
  const auto channels = static_cast<std::size_t>(manifest.channels());
  std::vector<MeanStack> means(with_mean ? channels : 0, MeanStack(w, h, chunk));
  std::vector<RowExtremes> extremes(channels, RowExtremes(h));
  Image mean;
  std::vector<Plane<std::int32_t>> coverage;
  std::vector<ScatterStack> scatter;
  scatter.reserve(channels);
  mean.reserve(channels);
  coverage.reserve(channels);
  for (std::size_t c = 0; with_scatter && c < channels; ++c) {
    mean.push_back(rows_of(analysis.classical[c], item.box));
    coverage.push_back(rows_of(analysis.coverage[c], item.box));
    scatter.emplace_back(mean[c], coverage[c], chunk);
  }
  Image rows(channels, Plane<float>(w, h));
  std::vector<float*> places;
  for (Plane<float>& plane : rows) places.push_back(plane.data());
  for (std::size_t f = 0; f < manifest.frames.size(); ++f) {
    source.frames.open(static_cast<int>(f)).read_box(item.box, places);
    for (std::size_t c = 0; c < channels; ++c) {
      const FrameChannel& channel = analysis.metrics.channels[c][f];
      const PlaneView<float> view = rows[c].view();
      if (with_mean) {
        means[c].add_rows(static_cast<int>(f), view, channel.normalization, 0, h);
        for (int y0 = 0; y0 < h; y0 += RowExtremes::kRows)
          extremes[c].add_rows(view, channel.normalization, y0, std::min(h, y0 + RowExtremes::kRows));
      }
      if (!with_scatter) continue;
      const FrameLevels levels = frame_levels(view, channel.normalization, channel.noise, mean[c]);
      scatter[c].add_rows(static_cast<int>(f), view, channel.normalization, levels, 0, h);
    }
  }
  BandStack band(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    if (with_mean) band[c] = {means[c].mean(), means[c].coverage(), extremes[c].bands(), {}};
    if (with_scatter) band[c].squares = scatter[c].squares();
  }
  return band;
}

}  // namespace

int band_rows(int image_height) {
  const int least = (image_height + kMostBands - 1) / kMostBands;
  return (least + RowExtremes::kRows - 1) / RowExtremes::kRows * RowExtremes::kRows;
}

std::vector<Box> frame_items(TaskWork work, int width, int height, int frames) {
  if (!of_bands(work)) return std::vector<Box>(static_cast<std::size_t>(frames), {0, 0, width, height});
  std::vector<Box> bands;
  const int rows = band_rows(height);
  for (int y0 = 0; y0 < height; y0 += rows) bands.push_back({0, y0, width, std::min(rows, height - y0)});
  return bands;
}

std::string frame_piece_key(const TileTask& task, int item) {
  char number[16];
  std::snprintf(number, sizeof number, "_%06d.bin", item);
  return task.run_id + "/frame_parts/" + piece_name(task.work) + "_" +
         origin_of(task).substr(0, kDigitsOfName) + number;
}

std::string make_frame_piece(const TileTask& task, const TaskTile& item, const PieceSource& source) {
  const std::string head = head_of(task, item.tile_id);
  Image image;
  switch (task.work) {
    case TaskWork::kHash:
      return head + archived(source.frames.content(item.tile_id));
    case TaskWork::kFlatLevels:
      return head + archived(look_at_flat(source.frames, item.tile_id, source.state.making));
    case TaskWork::kMaster:
      return head + archived(master_rows(source.frames, source.state.making, item.box, source.threads));
    case TaskWork::kMedian:
      return head + archived(proof_median_rows(source.frames, source.state.analysis.metrics, item.box,
                                               kMedianBytes, kMedianBytes, source.threads));
    case TaskWork::kDetect:
      return head + archived(find_frame_stars(source.frames, item.tile_id, source.state.finding));
    case TaskWork::kAnalyse:
      return head + archived(look_at_frame(source.frames, item.tile_id, source.method, image));
    case TaskWork::kStars:
      source.frames.open(item.tile_id).read_all(image);
      return head + archived(look_at_frame_stars(image, item.tile_id, source.state.analysis,
                                                 source.state.stars, source.method));
    case TaskWork::kStack:
      return head + archived(stack_band(item, source, true, false));
    case TaskWork::kScatter:
      return head + archived(stack_band(item, source, is_photometric(source.method), true));
    default:
      throw ContractError("a task of tiles was taken for one of frames");
  }
}

FileContent read_content(std::string_view object, const TileTask& task, int item, const Manifest& manifest) {
  auto content = unarchived<FileContent>(numbers_in(object, task, item), what_of(task, item));
  const FileSums& sums = content.sums;
  require_shape(is_sha256(content.sha256) &&
                    sums.file_bytes == manifest.frames[static_cast<std::size_t>(item)].size_bytes &&
                    sums.block_bytes == block_bytes_for(sums.file_bytes) &&
                    sums.sums.size() == block_count(sums.file_bytes, sums.block_bytes),
                task, item);
  return content;
}

FlatLook read_flat_look(std::string_view object, const TileTask& task, int item) {
  return unarchived<FlatLook>(numbers_in(object, task, item), what_of(task, item));
}

Plane<float> read_rows(std::string_view object, const TileTask& task, const TaskTile& item) {
  auto rows = unarchived<Plane<float>>(numbers_in(object, task, item.tile_id), what_of(task, item.tile_id));
  require_shape(rows.width() == item.box.w && rows.height() == item.box.h, task, item.tile_id);
  return rows;
}

FrameStars read_stars(std::string_view object, const TileTask& task, int item, const Manifest& manifest) {
  auto found = unarchived<FrameStars>(numbers_in(object, task, item), what_of(task, item));
  const FrameFacts& facts = manifest.frames[static_cast<std::size_t>(item)].facts;
  require_shape(found.width == facts.width && found.height == facts.height &&
                    found.chosen.size() <= static_cast<std::size_t>(kMostStars),
                task, item);
  return found;
}

FrameLook read_look(std::string_view object, const TileTask& task, int item, const Manifest& manifest) {
  auto look = unarchived<FrameLook>(numbers_in(object, task, item), what_of(task, item));
  const auto channels = static_cast<std::size_t>(manifest.channels());
  require_shape(look.channels.size() == channels && look.linearity.size() == channels &&
                    look.numbers.size() == channels,
                task, item);
  return look;
}

StarLook read_star_look(std::string_view object, const TileTask& task, int item, const Manifest& manifest) {
  auto look = unarchived<StarLook>(numbers_in(object, task, item), what_of(task, item));
  const auto channels = static_cast<std::size_t>(manifest.channels());
  bool fits = look.channels.size() == channels && look.spread.size() == channels &&
              (look.skies.empty() || look.skies.size() == channels);
  const std::size_t cells = sky_cell_count(sky_mesh(manifest.width(), manifest.height()));
  for (const auto& sky : look.skies) fits = fits && sky.size() == cells;
  require_shape(fits, task, item);
  return look;
}

BandStack read_band(std::string_view object, const TileTask& task, const TaskTile& item,
                    const Manifest& manifest, bool with_mean) {
  auto band = unarchived<BandStack>(numbers_in(object, task, item.tile_id), what_of(task, item.tile_id));
  const auto has_box = [&](const auto& plane) {
    return plane.width() == item.box.w && plane.height() == item.box.h;
  };
  bool fits = band.size() == static_cast<std::size_t>(manifest.channels());
  for (const ChannelBand& c : band) {
    if (with_mean)
      fits = fits && has_box(c.mean) && has_box(c.coverage) &&
             c.extremes.size() == RowExtremes(item.box.h).bands().size();
    if (task.work == TaskWork::kScatter) fits = fits && has_box(c.squares);
  }
  require_shape(fits, task, item.tile_id);
  return band;
}

}  // namespace tilecompile
