#include "tilecompile/operate/recompute_tile.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/master/master.hpp"
#include "tilecompile/report/compare_images.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::optional<std::string> file_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string needed_bytes(const fs::path& path) {
  if (auto bytes = file_bytes(path)) return *bytes;
  throw InputError("cannot read " + path.string() +
                   ": name the directory of a run (output.dir/RUN_ID) that got as far as its tiles");
}

// Where a run's frames and tiles are, and what it is called.
struct RunPlace {
  std::string run_id;
  FrameOrigin frames;
  fs::path tiles_root;
  std::unique_ptr<ObjectStore> bucket;  // holds the tiles instead of tiles_root
  std::string tiles_name() const { return bucket ? bucket->describe() : tiles_root.string(); }
};

// The storage of a run that used S3, where no flag says otherwise.
void find_in_bucket(const RecomputeRequest& request, const json& configuration, RunPlace& place) {
  const RunConfig config = read_recorded_config(configuration, (request.run_dir / "run.json").string());
  if (request.input_dir.empty() && !config.storage.s3.frames_prefix.empty())
    place.frames = open_frames(config);
  if (request.storage_root.empty() && config.storage.type == StorageType::kS3)
    place.bucket = open_store(config.storage, "");
}

RunPlace find_run(const RecomputeRequest& request) {
  const fs::path dir = fs::absolute(request.run_dir / "").parent_path();
  RunPlace place{dir.filename().string(), FrameOrigin(request.input_dir), {}, {}};
  std::string root = request.storage_root.string();
  // A run that was killed has no run.json; then the flags must say what it would.
  if (const auto text = file_bytes(dir / "run.json")) {
    const json record = json::parse(*text, nullptr, false);
    if (record.is_discarded()) throw InputError((dir / "run.json").string() + " is damaged");
    const json configuration = record.value("configuration", json::object());
    const auto setting = [&](const char* key) {
      return configuration.value(json::json_pointer(key), std::string());
    };
    // Those that Siril registered lie in the run's own folder.
    const bool siril = setting("/input/stage") == "raw" && setting("/registration/engine") == "siril";
    if (place.frames.folder.empty())
      place.frames.folder =
          siril ? dir / setting("/registration/output_dir") : fs::path(setting("/input/dir"));
    if (setting("/storage/type") == "s3" || !setting("/storage/s3/frames_prefix").empty())
      find_in_bucket(request, configuration, place);
    if (root.empty()) root = setting("/storage/root");
    place.run_id = record.value("run_id", place.run_id);
  }
  if (!is_uuid(place.run_id))
    throw InputError(dir.string() + " has no run.json and is not named by a run id; name a run directory");
  if (!place.frames.bucket && !fs::is_directory(place.frames.folder))
    throw InputError("the frames' folder '" + place.frames.folder.string() +
                     "' of the run is not here; name it with --input-dir");
  place.tiles_root = root.empty() ? dir : fs::path(root) / place.run_id;
  return place;
}

Box box_of(const fs::path& grid_file, int tile_id) {
  const json grid = json::parse(needed_bytes(grid_file), nullptr, false);
  const json tiles = grid.is_object() ? grid.value("tiles", json::array()) : json::array();
  if (tile_id < 0 || static_cast<std::size_t>(tile_id) >= tiles.size())
    throw InputError("the run has tiles 0 to " + std::to_string(static_cast<long>(tiles.size()) - 1) +
                     ", there is no tile " + std::to_string(tile_id));
  const json& t = tiles[static_cast<std::size_t>(tile_id)];
  try {
    return {t.at("x0").get<int>(), t.at("y0").get<int>(), t.at("w").get<int>(), t.at("h").get<int>()};
  } catch (const json::exception& e) {
    throw InputError(grid_file.string() + " is damaged: " + e.what());
  }
}

// The stored bytes of a tile; the key's first part is the run.
std::optional<std::string> stored_tile(const RunPlace& place, const std::string& key) {
  if (place.bucket) return place.bucket->exists(key) ? std::optional(place.bucket->get(key)) : std::nullopt;
  return file_bytes(place.tiles_root / fs::path(key).lexically_relative(place.run_id));
}

// The task that made the tile, with everything it refers to in `store`.
TileTask rebuild_task(const RecomputeRequest& request, const RunPlace& place, ObjectStore& store) {
  const auto share = [&](const char* name, const std::string& key) {
    const std::string bytes = needed_bytes(request.run_dir / name);
    store.put(key, bytes);
    return sha256_hex(bytes);
  };
  TileTask task;
  task.run_id = place.run_id;
  task.correlation_id = new_uuid();
  task.config_hash = share("config.json", config_key(place.run_id));
  task.frames_manifest_id = share("manifest.json", manifest_key(place.run_id));
  task.metrics = {frame_metrics_key(place.run_id),
                  share("frame_metrics.json", frame_metrics_key(place.run_id))};
  task.last_frame =
      static_cast<int>(decode_manifest(store.get(manifest_key(place.run_id))).frames.size()) - 1;
  TaskTile tile{request.tile_id, box_of(request.run_dir / "grid.json", request.tile_id),
                tile_seed(place.run_id, request.tile_id), "", ""};
  if (request.synthetic) {
    task.clusters =
        ObjectReference{clusters_key(place.run_id), share("clusters.json", clusters_key(place.run_id))};
    tile.data_ref = tile_key(place.run_id, request.tile_id);
    const auto first = stored_tile(place, tile.data_ref);
    if (!first) throw InputError("the tile of the first round is not stored in " + place.tiles_name());
    tile.data_checksum = sha256_hex(*first);
    store.put(tile.data_ref, *first);
  }
  task.tiles = {tile};
  return task;
}

// Checksum that the journal notes for the object; empty when it notes none.
std::string journal_checksum(const fs::path& run_dir, const std::string& key) {
  std::ifstream journal(run_dir / "journal.jsonl");
  std::string found;
  for (std::string line; std::getline(journal, line);) {
    try {
      const ResultMessage result = decode_result(line);
      if (result.data_ref == key) found = result.data_checksum;
    } catch (const InputError&) {
      // A crash can leave half a line.
    }
  }
  return found;
}

std::string describe_tiles(const std::string& found, const std::string& stored) {
  const TileFile a = decode_tile_file(stored), b = decode_tile_file(found);
  const ImageDifference pixels = compare_images(a.pixels, b.pixels);
  if (!pixels.equal) return "stored (first) and computed tile: " + describe_difference(pixels);
  const ImageDifference weights = compare_images(a.weight, b.weight);
  if (!weights.equal) return "equal pixels; sums of weights: " + describe_difference(weights);
  return "equal pixels and sums of weights; coverage, quality or header differ";
}

}  // namespace

RecomputedTile recompute_tile(const RecomputeRequest& request) {
  const RunPlace place = find_run(request);
  const auto store = open_memory_store();
  const TileTask task = rebuild_task(request, place, *store);
  const std::string key = request.synthetic ? synthetic_tile_key(place.run_id, request.tile_id)
                                            : tile_key(place.run_id, request.tile_id);
  RunContexts runs(*store, place.frames, memory_limit_bytes({}), 1, std::make_shared<VerifiedFiles>());
  ResultMessage result;
  execute_task(encode_task(task), runs, *store, {"here", 1}, [&](const ResultMessage& r) { result = r; });
  if (result.failure)
    throw_failure(*result.failure, "tile " + std::to_string(request.tile_id) + " of run " + place.run_id +
                                       " fails: " + result.failure->text);
  RecomputedTile outcome;
  outcome.checksum = result.data_checksum;
  const std::string journal = journal_checksum(request.run_dir, key);
  const auto stored = stored_tile(place, key);
  if (!stored && journal.empty())
    throw InputError("the tile was computed (SHA-256 " + outcome.checksum + ") but the run stored none in " +
                     place.tiles_name() + " to compare with; name its storage with --storage-root");
  outcome.stored_checksum = stored ? sha256_hex(*stored) : journal;
  outcome.equal = outcome.checksum == outcome.stored_checksum;
  if (!outcome.equal && stored) outcome.text = describe_tiles(store->get(key), *stored);
  if (stored && !journal.empty() && journal != outcome.stored_checksum)
    outcome.text += (outcome.text.empty() ? "" : "; ") + std::string("the journal notes ") + journal +
                    ": the stored tile was replaced after the run accepted it";
  return outcome;
}

}  // namespace tilecompile
