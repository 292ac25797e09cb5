#include "tilecompile/operate/clean.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/operate/run_status.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kWorkingFolders[] = {"tiles", "synthetic_tiles", "tile_parts", "probe"};

/// Where working files lie: folders of a store, named by keys.
struct WorkPlace {
  std::shared_ptr<ObjectStore> store;
  fs::path root;  ///< of a store in a folder; empty: a bucket
  std::vector<std::string> folders;
};

double seconds_since_last_write(const fs::path& run) {
  std::error_code error;
  const auto time = fs::last_write_time(run / "events.jsonl", error);
  if (error) return 0;
  return std::chrono::duration<double>(fs::file_time_type::clock::now() - time).count();
}

std::vector<fs::path> runs_of(const CleanRequest& request) {
  std::vector<fs::path> runs;
  for (const std::string& run : request.runs)
    runs.push_back(fs::absolute(find_run_directory(run, request.output_dir) / "").parent_path());
  if (!request.runs.empty()) return runs;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(request.output_dir, error))
    if (is_uuid(item.path().filename().string()) && fs::exists(item.path() / "events.jsonl"))
      runs.push_back(fs::absolute(item.path()));
  if (error)
    throw UsageError("cannot look for runs in " + request.output_dir.string() + ": " + error.message() +
                     "; name the folder of the runs by --output");
  std::sort(runs.begin(), runs.end());
  return runs;
}

WorkPlace within_run_directory(const fs::path& run, const json& configuration) {
  const std::string id = run.filename().string();
  WorkPlace place{open_file_store(run.parent_path()), run.parent_path(), {}};
  for (const char* folder : kWorkingFolders) place.folders.push_back(id + "/" + folder);
  if (configuration.value("/input/stage"_json_pointer, "") == "raw")
    place.folders.push_back(id + "/" +
                            configuration.value("/registration/output_dir"_json_pointer, "registered"));
  return place;
}

std::vector<WorkPlace> work_places(const CleanRequest& request, const fs::path& run) {
  std::ifstream file(run / "run.json", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const json record = json::parse(text, nullptr, false);
  const json configuration =
      record.is_object() ? record.value("configuration", json::object()) : json::object();
  std::vector<WorkPlace> places = {within_run_directory(run, configuration)};
  const std::string id = run.filename().string();
  fs::path root = request.storage_root;
  if (root.empty()) {
    if (configuration.value("/storage/type"_json_pointer, "") == "s3") {
      const RunConfig config = read_recorded_config(configuration, (run / "run.json").string());
      places.push_back({open_store(config.storage, ""), {}, {id}});
      return places;
    }
    root = configuration.value("/storage/root"_json_pointer, "");
  }
  std::error_code ignored;
  if (!root.empty() && !fs::equivalent(root, run.parent_path(), ignored))
    places.push_back({open_file_store(root), root, {id}});
  return places;
}

// Folders that have become empty, the deepest first.
void remove_empty_folders(const fs::path& folder) {
  std::error_code ignored;
  if (fs::is_symlink(folder, ignored) || !fs::is_directory(folder, ignored)) return;
  std::vector<fs::path> below;
  for (const auto& item : fs::directory_iterator(folder, ignored)) below.push_back(item.path());
  for (const fs::path& path : below) remove_empty_folders(path);
  fs::remove(folder, ignored);
}

void clean_place(const WorkPlace& place, bool remove, CleanedRun& outcome) {
  for (const std::string& folder : place.folders) {
    for (const StoredObject& object : place.store->list(folder)) {
      ++outcome.files;
      outcome.bytes += object.size_bytes;
      if (remove) place.store->remove(object.key);
    }
    if (!remove || place.root.empty()) continue;
    sweep_temporary_files(place.root / folder, 0);
    remove_empty_folders(place.root / folder);
  }
}

CleanedRun clean_run(const CleanRequest& request, const fs::path& run) {
  const RunStatus status = read_run_status(run);
  CleanedRun outcome{status.run_id, status.status, 0, 0, ""};
  const bool ended = status.status == "done" || status.status == "failed_validation";
  if (status.status == "running")
    outcome.kept = "it is under way";
  else if (!ended && request.runs.empty())
    outcome.kept = "it can be resumed: name it if you want to remove its tiles all the same";
  else if (seconds_since_last_write(run) < request.older_than_s)
    outcome.kept = "it is younger";
  if (!outcome.kept.empty()) return outcome;
  const std::vector<WorkPlace> places = work_places(request, run);
  // Locked, so that nobody resumes it meanwhile.
  std::unique_ptr<RunDirectory> lock;
  if (request.remove) lock = std::make_unique<RunDirectory>(run.parent_path(), run.filename().string());
  for (const WorkPlace& place : places) clean_place(place, request.remove, outcome);
  if (lock)
    lock->append_event("cleaned",
                       {{"files", std::to_string(outcome.files)}, {"bytes", std::to_string(outcome.bytes)}});
  return outcome;
}

}  // namespace

void clean_runs(const CleanRequest& request, const std::function<void(const CleanedRun&)>& done) {
  for (const fs::path& run : runs_of(request)) done(clean_run(request, run));
}

double parse_age_s(const std::string& text) {
  char* rest = nullptr;
  const double number = std::strtod(text.c_str(), &rest);
  const std::string unit = rest;
  const double seconds = unit == "m"   ? 60
                         : unit == "h" ? 3600
                         : unit == "d" ? 86400
                         : unit == "w" ? 604800
                                       : 0;
  if (rest == text.c_str() || seconds == 0 || !(number >= 0) || number > 1e6)
    throw UsageError("'" + text + "' is no age: write 90m, 12h, 30d or 4w");
  return number * seconds;
}

}  // namespace tilecompile
