#include "tilecompile/review/explain.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "run_place.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/coadd/overlap_add.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMostNamed = 10;

bool holds(const Box& box, int x, int y) {
  return x >= box.x0 && y >= box.y0 && x < box.x1() && y < box.y1();
}

std::vector<int> tiles_at(const ExplainRequest& request) {
  const std::vector<Box> boxes = grid_boxes(request.folders.run_dir);
  int width = 0, height = 0;
  std::vector<int> found;
  for (std::size_t t = 0; t < boxes.size(); ++t) {
    width = std::max(width, boxes[t].x1());
    height = std::max(height, boxes[t].y1());
    if (holds(boxes[t], request.x, request.y)) found.push_back(static_cast<int>(t));
  }
  if (found.empty())
    throw InputError("the picture of the run has columns 0 to " + std::to_string(width - 1) +
                     " and rows 0 to " + std::to_string(height - 1) + ", there is no pixel " +
                     std::to_string(request.x) + ", " + std::to_string(request.y));
  return found;
}

// Frames in a folder that are not there any more, all of them in one error.
void check_frames_are_here(const RunPlace& place, const Manifest& manifest) {
  if (place.frames.bucket) return;
  std::string names;
  std::size_t missing = 0;
  for (const ManifestEntry& frame : manifest.frames) {
    if (fs::exists(place.frames.folder / frame.path)) continue;
    if (++missing <= kMostNamed) names += (names.empty() ? "" : ", ") + frame.path;
  }
  if (missing == 0) return;
  if (missing > kMostNamed) names += " and " + std::to_string(missing - kMostNamed) + " others";
  throw InputError("explaining a pixel needs all frames of the run, and " + std::to_string(missing) + " of " +
                   std::to_string(manifest.frames.size()) + " are not in " + place.frames.folder.string() +
                   " any more: " + names + "; name the folder where they are now with --input-dir");
}

std::vector<int> channels_of(const ExplainRequest& request, int channels) {
  if (request.channel >= channels)
    throw InputError("the run has channels 0 to " + std::to_string(channels - 1) + ", there is no channel " +
                     std::to_string(request.channel));
  std::vector<int> asked;
  for (int c = 0; c < channels; ++c)
    if (request.channel < 0 || request.channel == c) asked.push_back(c);
  return asked;
}

ExplainedTile explain_tile(const ExplainRequest& request, const TileTask& task, const TaskTile& tile,
                           const RunContext& run, const std::vector<int>& channels) {
  const auto band = run.bands->get(run.frames, tile.box, task.first_frame, task.last_frame);
  const TileInput input = tile_input(task, tile, run, *band);
  ExplainedTile told{tile.tile_id, tile.box, TileKind::kStructure, 0, {}};
  told.kind =
      tile_kind(stars_in_tile(tile.box, run.metrics.stars, run.metrics.star_radius_px).size(), input.grid);
  for (const int c : channels)
    told.channels.push_back(
        tell_pixel(input, static_cast<std::size_t>(c), request.x - tile.box.x0, request.y - tile.box.y0));
  const auto window = [](int size, int at, int start, int end) {
    return axis_window(size, start == 0, start + size == end)[static_cast<std::size_t>(at - start)];
  };
  told.window_share = window(tile.box.w, request.x, tile.box.x0, run.manifest->width()) *
                      window(tile.box.h, request.y, tile.box.y0, run.manifest->height());
  return told;
}

std::vector<double> picture_at(const ExplainRequest& request, const std::vector<int>& channels) {
  std::vector<double> values(channels.size(), std::numeric_limits<double>::quiet_NaN());
  const fs::path file = request.folders.run_dir / "reconstruction.fits";
  if (!fs::exists(file)) return values;
  FrameReader image(file, ZeroIsNodata::kNever);
  if (request.x >= image.facts().width || request.y >= image.facts().height) return values;  // another file
  std::vector<float> row(static_cast<std::size_t>(image.facts().width));
  for (std::size_t c = 0; c < channels.size(); ++c) {
    image.read_rows(channels[c], request.y, 1, row.data());
    values[c] = row[static_cast<std::size_t>(request.x)];
  }
  return values;
}

std::vector<int> clusters_of(const fs::path& run_dir) {
  std::ifstream file(run_dir / "clusters.json", std::ios::binary);
  if (!file) return {};
  return decode_clusters(std::string(std::istreambuf_iterator<char>(file), {})).of_frame;
}

std::vector<ExplainedFrame> explain_frames(const RunContext& run, const std::vector<int>& clusters,
                                           const std::vector<ExplainedTile>& tiles, std::size_t asked,
                                           int channel) {
  std::vector<ExplainedFrame> frames;
  for (std::size_t f = 0; f < run.manifest->frames.size(); ++f) {
    const FrameChannel& measured = run.metrics.channels[static_cast<std::size_t>(channel)][f];
    ExplainedFrame frame{static_cast<int>(f),
                         f < clusters.size() ? clusters[f] : -1,
                         run.manifest->frames[f].path,
                         measured.fwhm_px,
                         measured.noise,
                         measured.background,
                         measured.flux_scale};
    for (const ExplainedTile& tile : tiles)
      frame.share += tile.window_share * tile.channels[asked].frames[f].share;
    frames.push_back(std::move(frame));
  }
  return frames;
}

// Windows count only where their tile has a value, as in the overlap-add.
void share_windows(std::vector<ExplainedTile>& tiles) {
  double sum = 0;
  for (ExplainedTile& tile : tiles) {
    const double value = tile.channels.front().value;
    if (value != value) tile.window_share = 0;
    sum += tile.window_share;
  }
  for (ExplainedTile& tile : tiles)
    if (sum > 0) tile.window_share /= sum;
}

json number(double v) { return std::isfinite(v) ? json(v) : json(nullptr); }

json part_json(const FrameAtPixel& p, const PixelStory& story, double scale) {
  return {{"value", number(p.value * scale)},
          {"sky_taken_away", p.sky * scale},
          {"covered", p.covered},
          {"rejected", p.rejected},
          {"frame_weight", p.frame_weight},
          {"quality", p.quality},
          {"tile_weight", p.tile_weight},
          {"limited", p.limited},
          {"border_ramp", p.border_ramp},
          {"weight", p.weight},
          {"share", p.share},
          {"reason", reason_text(p, story)}};
}

}  // namespace

ExplainedPixel explain_pixel(const ExplainRequest& request) {
  const RunPlace place = find_run(request.folders);
  const auto store = open_memory_store();
  const TileTask task = rebuild_task(request.folders.run_dir, place, tiles_at(request), *store);
  RunContexts runs(*store, place.frames, memory_limit_bytes({}), 1, std::make_shared<VerifiedFiles>());
  const std::shared_ptr<RunContext> run = runs.get(task);
  check_frames_are_here(place, *run->manifest);
  ExplainedPixel pixel{place.run_id, request.x, request.y, channels_of(request, run->manifest->channels()),
                       {},           {},        {},        {}};
  for (const TaskTile& tile : task.tiles)
    pixel.tiles.push_back(explain_tile(request, task, tile, *run, pixel.channels));
  share_windows(pixel.tiles);
  pixel.picture = picture_at(request, pixel.channels);
  const std::vector<int> clusters = clusters_of(request.folders.run_dir);
  for (std::size_t c = 0; c < pixel.channels.size(); ++c) {
    pixel.output_scale.push_back(run->metrics.output_scale[static_cast<std::size_t>(pixel.channels[c])]);
    pixel.frames.push_back(explain_frames(*run, clusters, pixel.tiles, c, pixel.channels[c]));
  }
  return pixel;
}

std::string reason_text(const FrameAtPixel& part, const PixelStory& story) {
  if (!part.covered) return "sees nothing here";
  if (part.rejected) return part.value > story.value ? "rejected, too bright" : "rejected, too dark";
  if (story.plain) return "plain mean: too few frames would be kept";
  std::string text;
  if (part.limited) text += "held down, one frame's largest share";
  if (part.border_ramp < 1) text += std::string(text.empty() ? "" : "; ") + "near its own border";
  return text;
}

json explained_json(const ExplainedPixel& pixel) {
  json j{{"run_id", pixel.run_id}, {"x", pixel.x}, {"y", pixel.y}, {"channels", json::array()}};
  for (std::size_t c = 0; c < pixel.channels.size(); ++c) {
    const double scale = pixel.output_scale[c];
    json channel{{"channel", pixel.channels[c]}, {"picture", number(pixel.picture[c])}};
    for (const ExplainedTile& tile : pixel.tiles)
      channel["tiles"].push_back({{"tile_id", tile.tile_id},
                                  {"kind", tile_kind_name(tile.kind)},
                                  {"window_share", tile.window_share},
                                  {"value", number(tile.channels[c].value * scale)},
                                  {"star_light", tile.channels[c].star_light * scale},
                                  {"plain_mean", tile.channels[c].plain},
                                  {"sharp_share", tile.channels[c].sharp_share},
                                  {"measured_frames", tile.channels[c].measured_frames}});
    for (std::size_t f = 0; f < pixel.frames[c].size(); ++f) {
      const ExplainedFrame& frame = pixel.frames[c][f];
      json told{{"frame", frame.frame},          {"path", frame.path},
                {"share", frame.share},          {"fwhm_px", number(frame.fwhm_px)},
                {"noise", frame.noise * scale},  {"background", frame.background},
                {"flux_scale", frame.flux_scale}};
      if (frame.cluster >= 0) told["cluster"] = frame.cluster;
      for (const ExplainedTile& tile : pixel.tiles) {
        json part = part_json(tile.channels[c].frames[f], tile.channels[c], scale);
        part["tile_id"] = tile.tile_id;
        told["in_tiles"].push_back(std::move(part));
      }
      channel["frames"].push_back(std::move(told));
    }
    j["channels"].push_back(std::move(channel));
  }
  return j;
}

}  // namespace tilecompile
