#include "targets.hpp"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "fits/handmade_fits.hpp"
#include "samples.hpp"
#include "test_data.hpp"
#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/yaml_tree.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/frame/clusters.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/survey/pass_state.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

/// On damaged table headers cfitsio asks calloc for absurd sizes and copes with the refusal; a
/// sanitizer is to refuse likewise instead of stopping.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace tilecompile {
namespace {

void promise(bool kept, const char* what) {
  if (!kept) throw std::logic_error(what);
}

// Refusing is the reader's right; any other exception is a defect.
template <class Kind, class Read>
bool accepted(Read read) {
  try {
    read();
    return true;
  } catch (const Kind&) {
    return false;
  }
}

// A file of this process that is written again for every input.
const std::filesystem::path& scratch_file() {
  static const TempDir folder;
  static const std::filesystem::path path = folder / "input.fits";
  return path;
}

bool read_config(std::string_view bytes) {
  return accepted<UsageError>([&] {
    (void)to_json(parse_yaml(std::string(bytes), [](int line, int column) {
      promise(line > 0 && column > 0, "a place before the file");
      return std::to_string(line) + ":" + std::to_string(column);
    }));
    const RunConfig config = load_run_config(write_bytes(scratch_file(), std::string(bytes)), {});
    const std::string method = canonical_method_json(config.method);
    promise(canonical_method_json(parse_method_json(method)) == method, "the method changes on its way");
  });
}

bool read_task(std::string_view bytes) {
  return accepted<InputError>([&] {
    const TileTask task = decode_any_task(bytes);
    promise(!task.tiles.empty() && task.first_frame >= 0 && task.first_frame <= task.last_frame,
            "an empty task");
    const std::string again = encode_any_task(task);
    promise(encode_any_task(decode_any_task(again)) == again, "the task changes on its way");
  });
}

bool read_result(std::string_view bytes) {
  return accepted<InputError>([&] {
    const ResultMessage result = decode_result(bytes);
    for (const auto* values : {&result.sum_weights, &result.tile_median, &result.tile_background})
      for (double v : *values) promise(std::isfinite(v), "a number that is none");
    (void)encode_result(result);
  });
}

bool read_manifest(std::string_view bytes) {
  return accepted<InputError>([&] {
    const Manifest manifest = decode_manifest(bytes);
    for (const ManifestEntry& frame : manifest.frames) {
      const std::filesystem::path below = std::filesystem::path("root") / frame.path;
      promise(below.lexically_normal().native().starts_with("root/"), "a path leaves the input folder");
    }
    const std::string again = encode_manifest(manifest);
    promise(encode_manifest(decode_manifest(again)) == again, "the manifest changes on its way");
  });
}

bool read_registration(std::string_view bytes) {
  return accepted<InputError>([&] {
    const std::string again = encode_registration(decode_registration(bytes));
    promise(encode_registration(decode_registration(again)) == again, "the registration changes on its way");
  });
}

bool read_metrics(std::string_view bytes) {
  return accepted<InputError>([&] {
    const FrameMetrics metrics = decode_frame_metrics(bytes);
    for (const auto& frames : metrics.channels)
      for (const FrameChannel& f : frames) promise(f.weight > 0, "a weight that is not positive");
    const std::string again = encode_frame_metrics(metrics);
    promise(encode_frame_metrics(decode_frame_metrics(again)) == again, "the metrics change on their way");
  });
}

bool read_clusters(std::string_view bytes) {
  return accepted<InputError>([&] {
    const Clusters clusters = decode_clusters(bytes);
    for (int k : clusters.of_frame) promise(k >= 0 && k < clusters.count, "a cluster that is not there");
  });
}

// The journal of a run that died; what it says is a claim, and what was cut off is cut away for good.
bool read_dead_runs_journal(std::string_view bytes) {
  constexpr int kTiles = 16;
  const std::filesystem::path file = write_bytes(scratch_file(), std::string(bytes));
  const Journal journal = read_journal(file, kSampleRunId, kTiles);
  const auto size = std::filesystem::file_size(file);
  promise(bytes.substr(0, size).ends_with('\n') || size == 0, "the journal ends within a line");
  int results = 0;
  for (const auto* round : {&journal.first_round, &journal.second_round}) {
    promise(round->size() == kTiles, "a tile that is not there");
    for (std::size_t t = 0; t < round->size(); ++t) {
      const ResultMessage& result = (*round)[t];
      if (result.data_checksum.empty()) continue;
      ++results;
      promise(result.tile_id == static_cast<int>(t) && result.run_id == kSampleRunId && !result.failure,
              "the result of another tile or run");
    }
  }
  const Journal again = read_journal(file, kSampleRunId, kTiles);
  promise(again.remarks.size() + (size < bytes.size() ? 1 : 0) == journal.remarks.size() &&
              std::filesystem::file_size(file) == size,
          "the journal changes by being read");
  return results > 0;
}

bool read_tile(std::string_view bytes) {
  return accepted<InputError>([&] {
    const TileFile tile = decode_tile_file(bytes);
    promise(tile.pixels.size() == tile.coverage.size(), "planes without coverage");
    for (const Plane<float>& plane : tile.pixels)
      promise(plane.width() == tile.box.w && plane.height() == tile.box.h, "pixels of another shape");
    (void)encode_tile_file(tile);  // throws what is no InputError when its parts do not agree
  });
}

bool read_frame(std::string_view bytes) {
  write_bytes(scratch_file(), std::string(bytes));
  return accepted<InputError>([&] {
    FrameReader reader(scratch_file(), ZeroIsNodata::kAlways);
    const FrameFacts facts = reader.facts();
    promise(facts.width > 0 && facts.height > 0 && (facts.channels == 1 || facts.channels == 3),
            "an impossible shape");
    const Image image = reader.read_all();
    promise(image.size() == static_cast<std::size_t>(facts.channels), "planes are missing");
  });
}

}  // namespace

const std::vector<FuzzTarget>& fuzz_targets() {
  static const std::vector<FuzzTarget> targets = {{"config", read_config, sample_configs},
                                                  {"task", read_task, sample_tasks},
                                                  {"result", read_result, sample_results},
                                                  {"manifest", read_manifest, sample_manifests},
                                                  {"registration", read_registration, sample_registrations},
                                                  {"frame_metrics", read_metrics, sample_metrics},
                                                  {"clusters", read_clusters, sample_clusters},
                                                  {"journal", read_dead_runs_journal, sample_journals},
                                                  {"tile_file", read_tile, sample_tiles},
                                                  {"frame", read_frame, sample_frames}};
  return targets;
}

}  // namespace tilecompile
