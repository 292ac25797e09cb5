#include "run_place.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "tilecompile/align/registration.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/storage_keys.hpp"

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

// The storage of a run that used S3, where no flag says otherwise.
void find_in_bucket(const RunFolders& folders, const json& configuration, RunPlace& place) {
  const RunConfig config = read_recorded_config(configuration, (folders.run_dir / "run.json").string());
  if (folders.input_dir.empty() && !config.storage.s3.frames_prefix.empty())
    place.frames = open_frames(config);
  if (folders.storage_root.empty() && config.storage.type == StorageType::kS3)
    place.bucket = open_store(config.storage, "");
}

}  // namespace

RunPlace find_run(const RunFolders& folders) {
  const fs::path dir = fs::absolute(folders.run_dir / "").parent_path();
  RunPlace place{dir.filename().string(), FrameOrigin(folders.input_dir), {}, {}};
  std::string root = folders.storage_root.string();
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
      find_in_bucket(folders, configuration, place);
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

std::vector<Box> grid_boxes(const fs::path& run_dir) {
  const fs::path file = run_dir / "grid.json";
  const json grid = json::parse(needed_bytes(file), nullptr, false);
  std::vector<Box> boxes;
  try {
    for (const json& t : grid.at("tiles"))
      boxes.push_back(
          {t.at("x0").get<int>(), t.at("y0").get<int>(), t.at("w").get<int>(), t.at("h").get<int>()});
  } catch (const json::exception& e) {
    throw InputError(file.string() + " is damaged: " + e.what());
  }
  return boxes;
}

std::optional<std::string> stored_tile(const RunPlace& place, const std::string& key) {
  if (place.bucket) return place.bucket->exists(key) ? std::optional(place.bucket->get(key)) : std::nullopt;
  return file_bytes(place.tiles_root / fs::path(key).lexically_relative(place.run_id));
}

std::string share_file(const fs::path& file, const std::string& key, ObjectStore& store) {
  const std::string bytes = needed_bytes(file);
  store.put(key, bytes);
  return sha256_hex(bytes);
}

namespace {

// What raw frames are read with: the registration, and the masters, which lie in the storage of all runs.
void share_registration(const fs::path& run_dir, const RunPlace& place, ObjectStore& store) {
  share_file(run_dir / "registration.json", registration_key(place.run_id), store);
  const Registration registration = decode_registration(store.get(registration_key(place.run_id)));
  for (const CalibrationObjects& objects : registration.calibrations)
    for (const MasterObject& master : {objects.dark, objects.flat}) {
      if (master.key.empty()) continue;
      store.put(master.key, place.bucket ? place.bucket->get(master.key)
                                         : needed_bytes(place.tiles_root.parent_path() / master.key));
    }
}

}  // namespace

TileTask rebuild_task(const fs::path& run_dir, const RunPlace& place, const std::vector<int>& tiles,
                      ObjectStore& store) {
  const std::vector<Box> boxes = grid_boxes(run_dir);
  const std::string& run = place.run_id;
  TileTask task;
  task.run_id = run;
  task.correlation_id = new_uuid();
  task.config_hash = share_file(run_dir / "config.json", config_key(run), store);
  task.frames_manifest_id = share_file(run_dir / "manifest.json", manifest_key(run), store);
  task.metrics = {frame_metrics_key(run),
                  share_file(run_dir / "frame_metrics.json", frame_metrics_key(run), store)};
  const Manifest manifest = decode_manifest(store.get(manifest_key(run)));
  task.last_frame = static_cast<int>(manifest.frames.size()) - 1;
  if (!manifest.registration.empty()) {
    task.input_stage = "raw";
    share_registration(run_dir, place, store);
  }
  for (const int id : tiles) {
    if (id < 0 || static_cast<std::size_t>(id) >= boxes.size())
      throw InputError("the run has tiles 0 to " + std::to_string(static_cast<long>(boxes.size()) - 1) +
                       ", there is no tile " + std::to_string(id));
    task.tiles.push_back({id, boxes[static_cast<std::size_t>(id)], tile_seed(run, id), "", ""});
  }
  return task;
}

}  // namespace tilecompile
