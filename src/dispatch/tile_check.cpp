#include "tile_check.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tilecompile/coadd/classical_check.hpp"
#include "tilecompile/coadd/rejected_light.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "tilecompile/tile/frame_sum.hpp"
#include "tilecompile/tile/tile_parts.hpp"

namespace tilecompile {
namespace {

constexpr double kRounding = 1e-5;       // of float32 against the double it was rounded from, generously
constexpr double kNoiseOfRange = 10;     // no noise is larger than so many times the range of the samples
constexpr double kSkiesMoveByRange = 2;  // how far levelled skies can shift a frame

[[noreturn]] void refuse_tile(const ResultMessage& result, const std::string& what) {
  throw InputError("tile " + std::to_string(result.tile_id) + " (" + result.data_ref + ") of worker " +
                   result.worker_id + " cannot come from these frames: " + what);
}

void check_origin(const TileRound& round, const ResultMessage& result, const TileFile& file) {
  const TileTask& task = round.task_template;
  if (file.run_id == task.run_id && file.config_hash == task.config_hash &&
      file.frames_manifest_id == task.frames_manifest_id)
    return;
  throw InputError("tile " + std::to_string(result.tile_id) + " (" + result.data_ref +
                   ") was computed from another configuration or other frames, or in another run");
}

// Another place would be an object of another run, or one that no master would look after.
void check_place(const TileRound& round, const ResultMessage& result) {
  const std::string& run = round.task_template.run_id;
  const std::string place =
      round.first_round == nullptr ? tile_key(run, result.tile_id) : synthetic_tile_key(run, result.tile_id);
  if (result.data_ref != place)
    throw InputError("the result of tile " + std::to_string(result.tile_id) + " by worker " +
                     result.worker_id + " names the object " + result.data_ref +
                     " of another tile or run, not " + place);
}

void check_shape(const ResultMessage& result, const TileFile& file) {
  std::vector<int> shape{file.box.h, file.box.w};
  const std::size_t planes = file.pixels.size();
  if (planes > 1) shape.insert(shape.begin(), static_cast<int>(planes));
  if (result.data_shape != shape || result.sum_weights.size() != planes ||
      result.tile_median.size() != planes || result.tile_background.size() != planes)
    refuse_tile(result, "its message says another shape than the object has");
}

/// One plane of a tile and what the master knows of its place.
struct PlaneCheck {
  const ResultMessage& result;
  const TileFile& file;
  std::size_t plane;
  double most_weight;
  ValueRange pixels;
  double most_variance;

  void refuse_pixel(const char* name, double value, std::size_t i, const std::string& why) const {
    char text[200];
    std::snprintf(text, sizeof text, "%s of pixel %zu, %zu in plane %zu is %.9g", name,
                  i % static_cast<std::size_t>(file.box.w), i / static_cast<std::size_t>(file.box.w), plane,
                  value);
    refuse_tile(result, text + why);
  }
  void check_pixel(std::size_t i) const {
    const double pixel = file.pixels[plane].samples()[i], weight = file.weight[plane].samples()[i];
    const int frames = file.coverage[plane].samples()[i];
    if (weight > most_weight * (1 + kRounding))
      refuse_pixel("WEIGHT", weight, i, ", more than all frames have");
    if (frames == 0) {
      if (pixel == pixel) refuse_pixel("the value", pixel, i, ", where no frame covers");
      return;
    }
    const double slack = kRounding * (std::abs(pixels.low) + std::abs(pixels.high));
    if (!(pixel >= pixels.low - slack && pixel <= pixels.high + slack)) {
      char text[100];
      std::snprintf(text, sizeof text, ", the frames have %.9g to %.9g there", pixels.low, pixels.high);
      refuse_pixel("the value", pixel, i, text);
    }
    const double n_eff = file.effective_frames[plane].samples()[i];
    if (!(n_eff >= 1 - kRounding && n_eff <= frames * (1 + kRounding)))
      refuse_pixel("NEFF", n_eff, i, ", outside of 1 to the number of frames");
    const double variance = file.variance[plane].samples()[i];
    if (!(variance >= 0 && variance <= most_variance))
      refuse_pixel("VARIANCE", variance, i, ", more than such frames make");
  }
  void check_pixels() const {
    for (std::size_t i = 0; i < file.pixels[plane].size(); ++i) check_pixel(i);
  }
};

// Frames per pixel are known; those of the synthetic frames together are those of the tile.
void check_coverage(const Analysis& analysis, const ResultMessage& result, const TileFile& file) {
  const std::size_t channels = analysis.coverage.size();
  for (std::size_t c = 0; c < channels; ++c) {
    const PlaneView<std::int32_t> expected = analysis.coverage[c].view(file.box);
    for (int y = 0; y < file.box.h; ++y)
      for (int x = 0; x < file.box.w; ++x) {
        std::int64_t frames = 0;
        for (std::size_t p = c; p < file.coverage.size(); p += channels) frames += file.coverage[p].at(x, y);
        if (frames != expected.at(x, y))
          refuse_tile(result, "COVERAGE of pixel " + std::to_string(x) + ", " + std::to_string(y) + " is " +
                                  std::to_string(frames) + ", " + std::to_string(expected.at(x, y)) +
                                  " frames cover it");
      }
  }
}

// Quality and weights of the frames, which only tiles of the first round have.
void check_frame_tables(const TileRound& round, const ResultMessage& result, const TileFile& file) {
  const auto frames = static_cast<std::size_t>(round.analysis->metrics.frame_count());
  const double area = static_cast<double>(file.box.area());
  if (!round.analysis->metrics.frame_tables) {
    if (!file.frame_weight.front().empty()) refuse_tile(result, "it has FRAMES, which this run does without");
    return;
  }
  for (std::size_t c = 0; c < file.pixels.size(); ++c) {
    if (file.frame_weight[c].size() != frames) refuse_tile(result, "it is made of another number of frames");
    for (std::size_t f = 0; f < frames; ++f) {
      const double w = file.frame_weight[c][f];
      if (!(w >= 0 && std::isfinite(w)) || !std::isfinite(file.quality[c][f]))
        refuse_tile(result,
                    "FRAMEWGT or QUALITY of frame " + std::to_string(f) + " is negative or not finite");
      for (const auto* rejected : {&file.rejected_low, &file.rejected_high}) {
        const double n = (*rejected)[c][f];
        if (!(n >= 0 && n <= area && n == std::floor(n)))
          refuse_tile(result, "REJLOW or REJHIGH of frame " + std::to_string(f) + " is no number of pixels");
      }
    }
    if (frame_sum(file.frame_weight[c], round.frame_chunk) != result.sum_weights[c])
      refuse_tile(result, "sum_weights of its message is not the sum of its FRAMEWGT");
  }
}

// What the message says of the pixels, by the same steps (`methodology.md` 9.2).
void check_figures(const ResultMessage& result, const TileFile& file, std::size_t plane) {
  Distribution samples;
  samples.assign(file.pixels[plane].view(), 0);
  const double background = clipped_location(samples, 0);
  const double tile_median = samples.count() == 0 ? 0 : samples.median() - background;
  if (result.tile_background[plane] != background || result.tile_median[plane] != tile_median)
    refuse_tile(result, "tile_background or tile_median of its message is not that of its pixels");
}

// What no sum of weights exceeds. Those of a synthetic frame are some of the tile's, or of the frames' own.
double most_weight(const TileRound& round, const ResultMessage& result, std::size_t plane) {
  const double said = result.sum_weights[plane];
  if (!(said >= 0 && std::isfinite(said)))
    refuse_tile(result, "sum_weights of its message is negative or not finite");
  if (round.first_round == nullptr) return said;
  const auto& channels = round.analysis->metrics.channels;
  const std::size_t c = plane % channels.size();
  double own = 0;
  for (const FrameChannel& frame : channels[c]) own += frame.weight;
  return std::max(own, (*round.first_round)[static_cast<std::size_t>(result.tile_id)].sum_weights[c]);
}

void check_values(const TileRound& round, const ResultMessage& result, const TileFile& file) {
  const Analysis& analysis = *round.analysis;
  const std::size_t channels = analysis.extremes.size();
  check_coverage(analysis, result, file);
  if (round.first_round == nullptr) check_frame_tables(round, result, file);
  for (std::size_t p = 0; p < file.pixels.size(); ++p) {
    const std::size_t c = p % channels;
    ValueRange pixels = analysis.extremes[c].of(file.box);
    const double range = std::max(0.0, pixels.high - pixels.low);
    double most_noise = kNoiseOfRange * range;
    for (const FrameChannel& frame : analysis.metrics.channels[c])
      most_noise = std::max(most_noise, frame.noise);
    if (round.levels_skies) {
      pixels.low -= kSkiesMoveByRange * range;
      pixels.high += kSkiesMoveByRange * range;
    }
    PlaneCheck{result, file, p, most_weight(round, result, p), pixels, most_noise * most_noise}
        .check_pixels();
    check_figures(result, file, p);
  }
}

}  // namespace

TileFile load_own_tile(const TileRound& round, ObjectStore& store, const ResultMessage& result) {
  const auto t = static_cast<std::size_t>(result.tile_id);
  if (result.part) {
    const std::string bytes = fetch_checked(store, result.data_ref, result.data_checksum,
                                            "piece of tile " + std::to_string(result.tile_id));
    if (result.part->work == TaskWork::kMeasure)
      decode_metrics_part(bytes);
    else
      decode_sums_part(bytes);
    return {};
  }
  check_place(round, result);
  TileFile file = load_tile(store, result, round.grid->tiles[t], round.planes);
  check_origin(round, result, file);
  check_shape(result, file);
  if (round.analysis != nullptr) check_values(round, result, file);
  return file;
}

LoadedResult load_result(const TileRound& round, ObjectStore& store, const ResultMessage& result) {
  if (!result.part || !of_frames(result.part->work)) return {load_own_tile(round, store, result), {}};
  return {{},
          round.read_piece(result, fetch_checked(store, result.data_ref, result.data_checksum,
                                                 "what was found in a frame"))};
}

namespace {

// How much more of one frame a tile can show than the plain mean does; no more when such things are rejected.
double most_weight_of(const std::vector<double>& weights, const TileRound& round) {
  if (weights.empty()) return round.analysis->metrics.frame_count();  // not known: any frame may be all of it
  const double sum = frame_sum(weights, round.frame_chunk);
  if (round.rejects || !(sum > 0)) return 1;
  return static_cast<double>(weights.size()) * *std::max_element(weights.begin(), weights.end()) / sum;
}

}  // namespace

std::string oddness_of_tile(const TileRound& round, const TileFile& file) {
  if (round.analysis == nullptr || round.first_round != nullptr || file.pixels.empty()) return "";
  const Analysis& analysis = *round.analysis;
  for (std::size_t c = 0; c < file.pixels.size(); ++c) {
    const std::vector<double>& weights = file.frame_weight[c];
    // without trails and hot pixels, which the tile has no more
    const bool rejects = !file.light_low.empty();
    const Plane<float> nothing;
    const Plane<float> stack =
        without_rejected_light(analysis.classical[c].view(file.box), rejects ? file.light_low[c] : nothing,
                               rejects ? file.light_high[c] : nothing, file.coverage[c]);
    const TileOddness odd = compare_with_stack(
        {file.pixels[c].view(), file.variance[c].view(), stack.view(), analysis.variance[c].view(file.box),
         median_noise(analysis.metrics.channels[c]), most_weight_of(weights, round)});
    if (odd.odd()) return odd.text();
  }
  return "";
}

}  // namespace tilecompile
